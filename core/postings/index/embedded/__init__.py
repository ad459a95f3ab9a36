"""Qdrant's engine in this process, one folder a collection."""

from postings.index.embedded.index import EdgeIndex

__all__ = ["EdgeIndex"]
