"""An index for asyncio: a server's needs no thread, the embedded engine runs in one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from postings import Index, open_index
from postings.index import Filter, Point, ScoredPoint, SearchRequest
from postings.index.models import CollectionModels
from postings.index.open import is_server

if TYPE_CHECKING:
    from postings import Settings


class AsyncIndex(Protocol):
    """The methods of an index for asyncio that the client uses."""

    @property
    def collection(self) -> str:
        """The collection's name."""
        ...

    async def models(self) -> CollectionModels:
        """The models that the collection has now."""
        ...

    async def search_batch(
        self, requests: Sequence[SearchRequest], *, consistent: bool = False
    ) -> list[list[ScoredPoint]]:
        """Answer several searches."""
        ...

    async def retrieve(self, ids: Sequence[str], *, fields: Sequence[str] | None = None) -> list[Point]:
        """Read points by id."""
        ...

    async def page(
        self, filter: Filter | None = None, *, fields: Sequence[str] | None = None, offset: str | None = None
    ) -> tuple[list[Point], str | None]:
        """Read some of the points that match; returns them and the offset of the next page."""
        ...

    async def close(self) -> None:
        """Release the engine."""
        ...


class _InThread:
    """A blocking index, called in a thread."""

    def __init__(self, index: Index) -> None:
        self._index = index

    @property
    def collection(self) -> str:
        return self._index.collection

    async def models(self) -> CollectionModels:
        return await asyncio.to_thread(self._index.models)

    async def search_batch(
        self, requests: Sequence[SearchRequest], *, consistent: bool = False
    ) -> list[list[ScoredPoint]]:
        return await asyncio.to_thread(self._index.search_batch, requests, consistent=consistent)

    async def retrieve(self, ids: Sequence[str], *, fields: Sequence[str] | None = None) -> list[Point]:
        return await asyncio.to_thread(self._index.retrieve, ids, fields=fields)

    async def page(
        self, filter: Filter | None = None, *, fields: Sequence[str] | None = None, offset: str | None = None
    ) -> tuple[list[Point], str | None]:
        return await asyncio.to_thread(self._index.page, filter, fields=fields, offset=offset)

    async def close(self) -> None:
        await asyncio.to_thread(self._index.close)


def asynchronous(index: Index | AsyncIndex) -> AsyncIndex:
    """The index itself if it is for asyncio; otherwise the blocking index, called in a thread."""
    return index if inspect.iscoroutinefunction(index.search_batch) else _InThread(index)  # type: ignore[arg-type, return-value]


async def open_async_index(settings: Settings) -> AsyncIndex:
    """Open the index of the settings; see :func:`postings.open_index`."""
    if is_server(settings):
        from postings.index.server import AsyncServerIndex

        return await AsyncServerIndex.connect(settings)
    return _InThread(await asyncio.to_thread(open_index, settings))
