"""One address of a server: its client, which is opened when it is first needed, and its version."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Self

from qdrant_client import AsyncQdrantClient

from postings.addresses import with_port
from postings.errors import ConfigurationError, IndexRejected
from postings.index.server.connection import by_grpc, open_client, place_of
from postings.index.server.diagnosis import wrong_port
from postings.index.server.versions import MINIMUM_VERSION, Version, read_version, shown
from postings.secrets import redacted
from postings.settings import Settings


class Node:
    """A server, or one of a cluster.

    Args:
        settings: what begins with ``index_``, and ``collection``.
        url: where it is.

    Attributes:
        place: the address that is used, for messages.
        seen: its version, as last told; ``None`` before it was.
        failed: whether it failed since it was last asked for its version: it may come back as another.
    """

    def __init__(self, settings: Settings, url: str) -> None:
        self._settings = settings
        self._url = url
        self._client: AsyncQdrantClient | None = None
        self._opening = asyncio.Lock()
        self.place = redacted(with_port(url)) if url else ""
        self.seen: Version | None = None
        self.failed = False

    @classmethod
    def of(cls, client: AsyncQdrantClient, settings: Settings) -> Self:
        """What an open client talks to; it is used as it is."""
        node = cls(settings, "")
        node._client = client
        node.place = place_of(client)
        return node

    async def client(self) -> AsyncQdrantClient:
        """The open client.

        Raises:
            IndexRejected: the server is older than Postings needs.
            ConfigurationError: the port isn't one for what the URL says.
        """
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    self._client = await self._open()
                    self.place = place_of(self._client)
        return self._client

    async def version(self, *, again: bool = False) -> Version:
        """The server's version, asked for if it isn't known, or ``again``."""
        client = await self.client()
        if self.seen is None or self.failed or again:
            self.seen = self._supported((await client.info()).version)
            self.failed = False
        return self.seen

    async def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.close()

    async def _open(self) -> AsyncQdrantClient:
        async with AsyncExitStack() as unused:
            client = open_client(self._settings, self._url)
            unused.push_async_callback(client.close)
            try:
                told = await client.info()
            except Exception as error:
                if (wrong := await wrong_port(self._url, error, self._settings.index_timeout)) is not None:
                    raise wrong from error
                raise
            self.seen = self._supported(told.version)
            if (better := await by_grpc(self._settings, self._url, told)) is not None:
                return better
            unused.pop_all()
        return client

    def _supported(self, version: str) -> Version:
        found = read_version(version)
        if found < MINIMUM_VERSION:
            raise IndexRejected(
                f"{self.place}: expected Qdrant {shown(MINIMUM_VERSION)} or later, this server is {version}: update it"
            )
        return found


def nodes_of(settings: Settings) -> list[Node]:
    """The nodes that ``settings.index_url`` names.

    Raises:
        ConfigurationError: it names no server.
    """
    if not settings.index_urls:
        raise ConfigurationError(f"index_url isn't the http(s) URL of a server: {redacted(settings.index_url)}")
    return [Node(settings, url) for url in settings.index_urls]
