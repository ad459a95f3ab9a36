"""What a search asks of the index, without asking it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from postings import Index
from postings.index import ScoredPoint, SearchRequest
from postings_query import SearchClient, WeightedQuery

if TYPE_CHECKING:
    from postings import Encoder, Settings


class _Recorder:
    """An index that keeps the searches that it is asked for, and finds nothing; it answers all else."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.requests: list[SearchRequest] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def search_batch(
        self,
        requests: Sequence[SearchRequest],
        *,
        consistent: bool = False,  # noqa: ARG002
    ) -> list[list[ScoredPoint]]:
        self.requests += requests
        return [[] for _ in requests]


def asked(
    index: Index, encoder: Encoder, settings: Settings, query: str | WeightedQuery, **options: Any
) -> SearchRequest:
    """The first request that a search makes, as it reaches the engine.

    Conditions on long strings are evaluated before, as in any search.

    Args:
        index: the collection.
        encoder: of the model to search.
        settings: with the tenant, if there is one.
        query: the query.
        options: of :meth:`postings_query.SearchClient.search`.

    Raises:
        PostingsError: as :meth:`postings_query.SearchClient.search`.

    Example:
        >>> asked(index, encoder, settings, "chasing prey", limit=3).limit
        3
    """
    recorder = _Recorder(index)
    client = SearchClient(index=cast("Index", recorder), encoder=encoder, settings=settings)
    client.search(query, **options)
    return recorder.requests[0]
