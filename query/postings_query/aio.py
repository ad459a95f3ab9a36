"""The search client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from postings import Encoder, Index
from postings.index import Filter
from postings_query.client import SearchClient
from postings_query.hits import Hit

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

    from postings import Settings


class AsyncSearchClient:
    """:class:`SearchClient` for asyncio: encoding and search run in a thread, and the event loop stays free.

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
        index: Index | None = None,
        encoder: Encoder | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._client = SearchClient(collection, index=index, encoder=encoder, settings=settings)

    async def search(
        self,
        query: str,
        limit: int = 10,
        offset: int = 0,
        filter: ClientFilter | Filter | None = None,
        *,
        group_by_document: bool = False,
        explain: bool = False,
        score_threshold: float | None = None,
    ) -> list[Hit]:
        """As :meth:`SearchClient.search`."""
        answers = await self.search_batch(
            [query],
            limit,
            offset,
            filter,
            group_by_document=group_by_document,
            explain=explain,
            score_threshold=score_threshold,
        )
        return answers[0]

    async def search_batch(
        self,
        queries: Sequence[str],
        limit: int = 10,
        offset: int = 0,
        filter: ClientFilter | Filter | None = None,
        *,
        group_by_document: bool = False,
        explain: bool = False,
        score_threshold: float | None = None,
    ) -> list[list[Hit]]:
        """As :meth:`SearchClient.search_batch`."""
        return await asyncio.to_thread(
            self._client.search_batch,
            queries,
            limit,
            offset,
            filter,
            group_by_document=group_by_document,
            explain=explain,
            score_threshold=score_threshold,
        )

    async def close(self) -> None:
        """As :meth:`SearchClient.close`."""
        await asyncio.to_thread(self._client.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()
