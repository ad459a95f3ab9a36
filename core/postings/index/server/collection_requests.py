"""Requests about one collection, to the nodes of a server or cluster."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from qdrant_client import AsyncQdrantClient

from postings.collection_names import listed
from postings.errors import CollectionNotFound, PostingsError, WrongEventLoop
from postings.index.server.cluster import Cluster
from postings.index.server.node import Node, nodes_of
from postings.index.server.versions import need_of
from postings.settings import Settings


class CollectionRequests:
    """Sends requests about one collection, and closes the clients in the end.

    Args:
        client: an open client, used as it is; by default, clients for ``settings.index_urls`` are opened when they are
            needed.
        settings: ``collection``, and the settings that start with ``index_``.
    """

    def __init__(self, client: AsyncQdrantClient | None, settings: Settings | None = None) -> None:
        self._settings = Settings.given(settings)
        nodes = [Node.of(client, self._settings)] if client else nodes_of(self._settings)
        self._cluster = Cluster(nodes, self.collection, self._settings.index_timeout, self._settings.secrets())
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    async def connect(cls, settings: Settings) -> Self:
        """Connect to the server at ``settings.index_url``; see :meth:`ServerIndex.connect`."""
        index = cls(None, settings)
        try:
            await index.open()
        except BaseException:
            await index.close()
            raise
        return index

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self._settings.collection

    async def open(self) -> None:
        """Connect, as :meth:`connect` does."""
        await self._cluster.open()

    async def close(self) -> None:
        """Close the client."""
        await self._cluster.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _request(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the client on the collection, which must exist."""
        try:
            return await self._send(method, *arguments, **options)
        except CollectionNotFound as error:
            raise await self._with_others(error) from error.__cause__

    async def _send(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the client on the collection.

        Raises:
            WrongEventLoop: the index was used before on another event loop, which owns its connections.
        """
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise WrongEventLoop("this index belongs to another event loop: connect one in each")
        self._loop = loop
        need = need_of([arguments, options])
        return await self._cluster.request(
            lambda client: getattr(client, method)(self.collection, *arguments, **options), need
        )

    async def _with_others(self, error: CollectionNotFound) -> CollectionNotFound:
        """Add the existing collections to an error, unless the API key doesn't allow to list them."""
        try:
            found = await self._cluster.request(lambda client: client.get_collections())
        except PostingsError:
            return error
        others = [each.name for each in found.collections if each.name != self.collection]
        return CollectionNotFound(f"{error} ({listed(others)})")

    @property
    def _source(self) -> str:
        return f"collection {self.collection!r} at {self._cluster.address}"
