"""Search a collection, and see token by token why each hit scored."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from postings_query.client import SearchClient
from postings_query.facets import Facet, Facets, facets
from postings_query.hits import Contribution, Hit, Hits
from postings_query.reranking import Reranker
from postings_query.terms import Term, WeightedQuery

if TYPE_CHECKING:
    from postings_query.aio import AsyncSearchClient
    from postings_query.api import ApiClient, AsyncApiClient

__all__ = [
    "ApiClient",
    "AsyncApiClient",
    "AsyncSearchClient",
    "Contribution",
    "Facet",
    "Facets",
    "Hit",
    "Hits",
    "Reranker",
    "SearchClient",
    "Term",
    "WeightedQuery",
    "facets",
]

# Importing asyncio or httpx takes longer than the rest of this package.
_SLOW = {"AsyncSearchClient": "aio", "ApiClient": "api", "AsyncApiClient": "api"}


def __getattr__(name: str) -> Any:
    if name in _SLOW:
        return getattr(import_module(f"postings_query.{_SLOW[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
