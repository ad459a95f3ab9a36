"""Search a collection, and see token by token why each hit scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postings_query.client import SearchClient
from postings_query.facets import Facet, Facets, facets
from postings_query.hits import Contribution, Hit
from postings_query.reranking import Reranker

if TYPE_CHECKING:
    from postings_query.aio import AsyncSearchClient

__all__ = ["AsyncSearchClient", "Contribution", "Facet", "Facets", "Hit", "Reranker", "SearchClient", "facets"]


def __getattr__(name: str) -> type[AsyncSearchClient]:
    # Importing asyncio takes longer than the rest of this package.
    if name == "AsyncSearchClient":
        from postings_query.aio import AsyncSearchClient

        return AsyncSearchClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
