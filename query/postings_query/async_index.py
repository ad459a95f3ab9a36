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
from postings.index.tenant_index import bound, check_index
from postings.index.tenants import Tenant, tenant_of

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


class _OfTenant:
    """A tenant's part of an index for asyncio, like :class:`postings.index.tenant_index.TenantIndex`."""

    def __init__(self, index: AsyncIndex, tenant: Tenant) -> None:
        self._index = index
        self._tenant = tenant

    @property
    def collection(self) -> str:
        return self._index.collection

    async def models(self) -> CollectionModels:
        return await self._index.models()

    async def search_batch(
        self, requests: Sequence[SearchRequest], *, consistent: bool = False
    ) -> list[list[ScoredPoint]]:
        answers = await self._index.search_batch(self._tenant.requests(requests), consistent=consistent)
        return [self._tenant.own(each) for each in answers]

    async def retrieve(self, ids: Sequence[str], *, fields: Sequence[str] | None = None) -> list[Point]:
        stored = [self._tenant.id(each) for each in ids]
        return self._tenant.own(await self._index.retrieve(stored, fields=self._tenant.fields(fields)), fields)

    async def page(
        self, filter: Filter | None = None, *, fields: Sequence[str] | None = None, offset: str | None = None
    ) -> tuple[list[Point], str | None]:
        found, following = await self._index.page(
            self._tenant.filter(filter), fields=self._tenant.fields(fields), offset=offset
        )
        return self._tenant.own(found, fields), following

    async def close(self) -> None:
        await self._index.close()


def asynchronous(index: Index | AsyncIndex, settings: Settings) -> AsyncIndex:
    """The index for asyncio; a blocking one is called in a thread. Only the tenant's part, if the settings name one."""
    check_index(index)
    if not inspect.iscoroutinefunction(index.search_batch):
        return _InThread(bound(index, settings))  # type: ignore[arg-type]
    tenant = tenant_of(settings)
    return _OfTenant(index, tenant) if tenant else index  # type: ignore[arg-type, return-value]


async def open_async_index(settings: Settings) -> AsyncIndex:
    """Open the index of the settings; see :func:`postings.open_index`."""
    if is_server(settings):
        from postings.index.server import AsyncServerIndex

        return asynchronous(await AsyncServerIndex.connect(settings), settings)
    return _InThread(await asyncio.to_thread(open_index, settings))
