"""The connection to a server: its client, its version, and what is done when a request fails."""

from __future__ import annotations

import asyncio
import random
import re
import ssl
import warnings
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
from qdrant_client import AsyncQdrantClient
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse

from postings.errors import ConfigurationError, IndexRejected, IndexUnavailable
from postings.index.server.errors import index_error
from postings.settings import Settings

MINIMUM_VERSION = (1, 18)
"""Conditional upserts and collection metadata came with Qdrant 1.16, named vectors for a collection that stands (the
change of its model) with 1.18."""

_PAUSES = (0.1, 0.4)
_CONNECTIONS = 100
_GRPC_OPTIONS = {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 5000,
    # A connection whose other end has vanished would be used until the system gives it up, after a quarter of an hour.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 5000,
}

T = TypeVar("T")


def open_client(settings: Settings) -> AsyncQdrantClient:
    """A client for ``settings.index_url``; it connects with its first request.

    Raises:
        ConfigurationError: ``index_ca`` isn't a file of certificates.
    """
    key = settings.index_api_key
    options: dict[str, Any] = {
        "limits": httpx.Limits(max_connections=_CONNECTIONS),
        "grpc_options": dict(_GRPC_OPTIONS),
    }
    if settings.index_ca is not None:
        try:
            options["verify"] = ssl.create_default_context(cafile=settings.index_ca)
            options["grpc_options"] |= {"root_certificates": settings.index_ca.read_bytes()}
        except OSError as error:
            raise ConfigurationError(f"setting 'index_ca': {settings.index_ca}: {error}") from error
    with warnings.catch_warnings():
        # Whether the network is trusted with the key is the operator's decision, made with the URL.
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        return AsyncQdrantClient(
            url=settings.index_url,
            prefer_grpc=settings.index_grpc_port is not None,
            grpc_port=settings.index_grpc_port or 6334,
            api_key=key.get_secret_value() if key else None,
            timeout=settings.index_timeout,
            check_compatibility=False,
            **options,
        )


class Connection:
    """Sends requests to a server, again where that may help, and raises Postings' errors.

    Args:
        client: an open one.
        where: server and collection, for messages.
        timeout: seconds that a request may take, with everything: connecting, waiting, reading, and trying again.
    """

    def __init__(self, client: AsyncQdrantClient, where: str, timeout: float) -> None:
        self.client = client
        self._where = where
        self._timeout = timeout

    async def request(self, send: Callable[[], Awaitable[T]]) -> T:
        """Send a request that may be repeated, as all of ours may.

        Raises:
            IndexFailure, ModelMismatch: as :mod:`postings.index.server.errors` says.
        """
        said = ""
        try:
            # httpx limits each read, not their sum: a server that sends a byte a second would never time out.
            async with asyncio.timeout(self._timeout) as limit:
                ends = limit.when() or 0.0
                for pause in (*_PAUSES, None):
                    try:
                        return await send()
                    except Exception as error:
                        found = index_error(error, self._where)
                        if found is None:
                            raise
                        asked = error.retry_after_s if isinstance(error, ResourceExhaustedResponse) else 0
                        wait = max(asked, (pause or 0) * random.uniform(0.5, 1))  # noqa: S311
                        if not found.retry or pause is None or asyncio.get_running_loop().time() + wait >= ends:
                            raise found from error
                        said = f"; before that: {found}"
                    await asyncio.sleep(wait)
        except TimeoutError as error:
            raise IndexUnavailable(
                f"{self._where}: no answer in {self._timeout:g} s (POSTINGS_INDEX_TIMEOUT){said}"
            ) from error
        raise AssertionError

    async def check_version(self) -> None:
        """Raise :class:`IndexRejected` if the server is older than what Postings builds on."""
        version = (await self.request(self.client.info)).version
        numbers = re.match(r"(\d+)\.(\d+)", version)
        if numbers is None or (int(numbers[1]), int(numbers[2])) < MINIMUM_VERSION:
            wanted = ".".join(map(str, MINIMUM_VERSION))
            raise IndexRejected(
                f"{self._where}: expected Qdrant {wanted} or later, this server is {version}: update it"
            )
