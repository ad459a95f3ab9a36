"""A node: one address of a server, its client, which is opened when it is first needed, and its version."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Self

from qdrant_client import AsyncQdrantClient

from postings.addresses import with_port
from postings.errors import ConfigurationError, IndexRejected
from postings.index.server.connection import address_of, by_grpc, open_client
from postings.index.server.diagnosis import wrong_port
from postings.index.server.versions import MINIMUM_VERSION, Version, read_version, shown
from postings.secrets import redacted
from postings.settings import Settings


class Node:
    """A server, or one node of a cluster.

    Args:
        settings: ``collection``, and the settings that start with ``index_``.
        url: of the node.

    Attributes:
        address: the address in use, for messages.
        known_version: the version it last reported; ``None`` before that.
        failed: whether it failed since it last reported its version; it may restart with another one.
    """

    def __init__(self, settings: Settings, url: str) -> None:
        self._settings = settings
        self._url = url
        self._client: AsyncQdrantClient | None = None
        self._opening = asyncio.Lock()
        self.address = redacted(with_port(url)) if url else ""
        self.known_version: Version | None = None
        self.failed = False

    @classmethod
    def of(cls, client: AsyncQdrantClient, settings: Settings) -> Self:
        """The node of an open client, which is used as it is."""
        node = cls(settings, "")
        node._client = client
        node.address = address_of(client)
        return node

    async def client(self) -> AsyncQdrantClient:
        """The open client.

        Raises:
            IndexRejected: the server's version is too old.
            ConfigurationError: the port in the URL isn't Qdrant's REST port.
        """
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    self._client = await self._open()
                    self.address = address_of(self._client)
        return self._client

    async def version(self, *, again: bool = False) -> Version:
        """The server's version; asks the server if it isn't known, or with ``again``."""
        client = await self.client()
        if self.known_version is None or self.failed or again:
            self.known_version = self._supported((await client.info()).version)
            self.failed = False
        return self.known_version

    async def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.close()

    async def _open(self) -> AsyncQdrantClient:
        async with AsyncExitStack() as unused:
            client = open_client(self._settings, self._url)
            unused.push_async_callback(client.close)
            try:
                info = await client.info()
            except Exception as error:
                if (wrong := await wrong_port(self._url, error, self._settings.index_timeout)) is not None:
                    raise wrong from error
                raise
            self.known_version = self._supported(info.version)
            if (better := await by_grpc(self._settings, self._url, info)) is not None:
                return better
            unused.pop_all()
        return client

    def _supported(self, version: str) -> Version:
        found = read_version(version)
        if found < MINIMUM_VERSION:
            raise IndexRejected(
                f"{self.address}: expected Qdrant {shown(MINIMUM_VERSION)} or later, but this server is {version}: "
                "update it"
            )
        return found


def nodes_of(settings: Settings) -> list[Node]:
    """The nodes of ``settings.index_url``.

    Raises:
        ConfigurationError: the URL isn't that of a server.
    """
    if not settings.index_urls:
        raise ConfigurationError(f"index_url isn't the http(s) URL of a server: {redacted(settings.index_url)}")
    return [Node(settings, url) for url in settings.index_urls]
