"""The search client, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from postings import Encoder, Index
from postings.errors import IndexUnavailable, InvalidQuery, ModelMismatch, PostingsError
from postings.index import Filter
from postings.index.tenants import settings_of_tenant
from postings_query.async_index import AsyncIndex, asynchronous, open_async_index
from postings_query.followed_model import FollowedModel
from postings_query.hits import Hits
from postings_query.query_terms import terms_of
from postings_query.searching import SearchOptions, proceed, searching
from postings_query.terms import Term, WeightedQuery, check_query, check_text

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

    from postings import Settings
    from postings.index.protocol import Fusion
    from postings_query.reranking import Reranker


class AsyncSearchClient:
    """:class:`SearchClient`, for asyncio.

    Requests to a Qdrant server need no thread. Encoding and the embedded engine, which need the processor, run in a
    thread, so that the event loop stays free. ``async with`` opens model and index, or else the first search does.

    Args:
        collection: as in :class:`SearchClient`.
        index: as in :class:`SearchClient`, or a :class:`postings.index.server.AsyncServerIndex`.
        encoder: as in :class:`SearchClient`.
        settings: as in :class:`SearchClient`.
        tenant: as in :class:`SearchClient`.

    Raises:
        InvalidQuery: ``collection`` and ``index`` are both given.
        ConfigurationError: as in :class:`SearchClient`.

    Example:
        >>> async def first(query):
        ...     async with AsyncSearchClient(index=index, encoder=encoder) as client:
        ...         return (await client.search(query))[0].id
        >>> asyncio.run(first("chasing prey"))
        '9'
    """

    def __init__(
        self,
        collection: str | None = None,
        *,
        index: Index | AsyncIndex | None = None,
        encoder: Encoder | None = None,
        settings: Settings | None = None,
        tenant: str | None = None,
    ) -> None:
        if collection is not None and index is not None:
            raise InvalidQuery("pass a collection or an open index, not both")
        from postings import Settings

        settings = settings_of_tenant(Settings.given(settings), tenant)
        self._settings = settings if collection is None else settings.of_collection(collection)
        self._owns_index = index is None
        self._index = None if index is None else asynchronous(index, self._settings)
        self._model = FollowedModel(encoder, self._settings, getattr(index, "collection", self._settings.collection))
        self._looking: asyncio.Task[None] | None = None
        self._closed = False
        self._opening: asyncio.Task[AsyncIndex] | None = None
        self._ready: AsyncIndex | None = None

    async def search(
        self,
        query: str | WeightedQuery,
        limit: int = 10,
        offset: int = 0,
        filter: ClientFilter | Filter | None = None,
        *,
        group_by_document: bool = False,
        explain: bool = False,
        score_threshold: float | None = None,
        consistent: bool = False,
        words: float | None = None,
        fusion: Fusion = "sum",
        rerank: Reranker | None = None,
        rerank_top: int = 50,
    ) -> Hits:
        """See :meth:`SearchClient.search`."""
        answers = await self.search_batch(
            [query],
            limit,
            offset,
            filter,
            group_by_document=group_by_document,
            explain=explain,
            score_threshold=score_threshold,
            consistent=consistent,
            words=words,
            fusion=fusion,
            rerank=rerank,
            rerank_top=rerank_top,
        )
        return answers[0]

    async def search_batch(
        self,
        queries: Iterable[str | WeightedQuery],
        limit: int = 10,
        offset: int = 0,
        filter: ClientFilter | Filter | None = None,
        *,
        group_by_document: bool = False,
        explain: bool = False,
        score_threshold: float | None = None,
        consistent: bool = False,
        words: float | None = None,
        fusion: Fusion = "sum",
        rerank: Reranker | None = None,
        rerank_top: int = 50,
    ) -> list[Hits]:
        """See :meth:`SearchClient.search_batch`."""
        options = SearchOptions(
            queries=queries,
            limit=limit,
            offset=offset,
            filter=filter,
            group_by_document=group_by_document,
            explain=explain,
            score_threshold=score_threshold,
            consistent=consistent,
            words=words,
            fusion=fusion,
            rerank=rerank,
            rerank_top=rerank_top,
        )
        index, encoder = await self._opened()
        known = encoder, self._model.bm25
        try:
            return await self._search(index, encoder, options)
        except ModelMismatch:
            # Vectors of the model or the words were dropped, which this client hasn't noticed yet.
            if (await self._take(index), self._model.bm25) == known:
                raise
            return await self._search(*await self._opened(), options)

    async def terms(self, query: str | WeightedQuery) -> list[Term]:
        """See :meth:`SearchClient.terms`."""
        check_query(query)
        _, encoder = await self._opened()
        return await asyncio.to_thread(terms_of, encoder, self._model.bm25, query)

    async def query_tokens_left_out(self, query: str) -> int:
        """See :meth:`SearchClient.query_tokens_left_out`."""
        check_text(query)
        _, encoder = await self._opened()
        return await asyncio.to_thread(encoder.query_tokens_left_out, query)

    async def close(self) -> None:
        """Close the index, unless it was passed in. A closed client can't be used again."""
        self._closed = True
        if pending := [task for task in (self._opening, self._looking) if task is not None and not task.done()]:
            await asyncio.wait(pending)
        await self._release()

    async def _release(self) -> None:
        if self._owns_index and self._index is not None:
            await self._index.close()
            self._index = self._ready = None

    async def __aenter__(self) -> Self:
        try:
            await self._opened()
        except Exception:
            await self._release()  # what failed to enter isn't left
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _opened(self) -> tuple[AsyncIndex, Encoder]:
        """The index and the model. Concurrent calls wait for the same opening, and share its error.

        Raises:
            IndexUnavailable: the client was closed.
        """
        if self._closed:
            raise IndexUnavailable("the client was closed: create another")
        if self._ready is None:
            if self._opening is None or self._opening.done():
                self._opening = asyncio.create_task(self._open())
            self._ready = await asyncio.shield(self._opening)
        if self._model.due() and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look(self._ready))
        encoder = self._model.encoder
        return self._ready, encoder or await self._take(self._ready)

    async def _open(self) -> AsyncIndex:
        await asyncio.to_thread(self._model.load)
        if self._index is None:
            self._index = await open_async_index(self._settings)
        await self._take(self._index)
        return self._index

    async def _take(self, index: AsyncIndex) -> Encoder:
        return await asyncio.to_thread(self._model.take, await index.models())

    async def _look(self, index: AsyncIndex) -> None:
        try:
            await self._take(index)
        except PostingsError as error:
            self._model.keep(error)

    async def _search(self, index: AsyncIndex, encoder: Encoder, options: SearchOptions) -> list[Hits]:
        search = searching(encoder, self._model, options)
        call, hits = await asyncio.to_thread(proceed, search, None)
        while call:
            call, hits = await asyncio.to_thread(proceed, search, await call(index))
        return hits
