"""Calls to the index, yielded one by one by a search, so that both clients share its code."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias, TypeVar

from postings.index import Filter, SearchRequest

_T = TypeVar("_T")

IndexCall: TypeAlias = Callable[[Any], Any]
"""A call to an index. It returns the answer; with an index for asyncio, an awaitable of it."""

IndexCalls: TypeAlias = Generator[IndexCall, Any, _T]
"""A generator that yields calls, is sent their answers, and returns the result."""


def search(requests: Sequence[SearchRequest], *, consistent: bool) -> IndexCall:
    """A call of :meth:`postings.Index.search_batch`."""
    return lambda index: index.search_batch(requests, consistent=consistent)


def retrieve(ids: Sequence[str], fields: Sequence[str]) -> IndexCall:
    """A call of :meth:`postings.Index.retrieve`."""
    return lambda index: index.retrieve(ids, fields=fields)


def page(filter: Filter, fields: Sequence[str], offset: str | None) -> IndexCall:
    """A call of :meth:`postings.Index.page`."""
    return lambda index: index.page(filter, fields=fields, offset=offset)
