"""Qdrant's engine in this process, with one folder for each collection."""

from postings.index.embedded.index import EdgeIndex

__all__ = ["EdgeIndex"]
