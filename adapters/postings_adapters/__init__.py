"""Postings in other frameworks: one module each, which needs the extra of its name.

Retrievers take any search client, and sparse embedders an :class:`postings.Encoder`; see docs/guides/adapters.md.
"""
