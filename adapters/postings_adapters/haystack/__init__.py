"""Haystack: a retriever, and sparse embedders for queries and for documents."""

from __future__ import annotations

from postings.errors import MissingExtra

try:
    import haystack as _  # noqa: F401
except ImportError as error:
    raise MissingExtra("haystack", "postings_adapters.haystack") from error

from postings_adapters.haystack.embedders import PostingsSparseDocumentEmbedder, PostingsSparseTextEmbedder
from postings_adapters.haystack.retriever import PostingsRetriever

__all__ = ["PostingsRetriever", "PostingsSparseDocumentEmbedder", "PostingsSparseTextEmbedder"]
