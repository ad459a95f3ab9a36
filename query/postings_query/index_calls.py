"""The calls that a search makes on the index, yielded one by one, so that both clients share the search."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias, TypeVar

from postings.index import Filter, SearchRequest

_T = TypeVar("_T")

IndexCall: TypeAlias = Callable[[Any], Any]
"""A call on an index; what it returns is the answer, or with an index for asyncio, an awaitable of it."""

IndexCalls: TypeAlias = Generator[IndexCall, Any, _T]
"""Yields what to ask, is sent the answer, and returns what came of it."""


def search(requests: Sequence[SearchRequest], *, consistent: bool) -> IndexCall:
    """Answer searches, see :meth:`postings.Index.search_batch`."""
    return lambda index: index.search_batch(requests, consistent=consistent)


def retrieve(ids: Sequence[str], fields: Sequence[str]) -> IndexCall:
    """Read points, see :meth:`postings.Index.retrieve`."""
    return lambda index: index.retrieve(ids, fields=fields)


def page(filter: Filter, fields: Sequence[str], offset: str | None) -> IndexCall:
    """Read some of the points that match, see :meth:`postings.Index.page`."""
    return lambda index: index.page(filter, fields=fields, offset=offset)
