"""Storing and searching passages: one protocol, which the embedded engine and the Qdrant server implement."""

from postings.index.embedded import EdgeIndex
from postings.index.open import open_index
from postings.index.protocol import Filter, Index, IndexInfo, Point, ScoredPoint, SearchRequest

__all__ = ["EdgeIndex", "Filter", "Index", "IndexInfo", "Point", "ScoredPoint", "SearchRequest", "open_index"]
