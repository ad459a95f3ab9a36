"""From an address to an open client: over gRPC where that answers for the same server, else over REST."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import warnings
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
from qdrant_client import AsyncQdrantClient
from qdrant_client import models as q

from postings.addresses import HTTPS_PORT, REST_PORT, with_port
from postings.errors import ConfigurationError
from postings.secrets import redacted
from postings.settings import Settings

_LOOK_SECONDS = 2
_CONNECTIONS = 100
_GRPC_OPTIONS = {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    # A connection whose other end has vanished would be used until the system gives it up, after a quarter of an hour.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 5000,
}

log = logging.getLogger(__name__)


class _Grpc:
    """Whether this process may use gRPC: its library doesn't survive a fork of a process that has used it."""

    used = False
    lost = False


def _forked() -> None:
    _Grpc.lost = _Grpc.used


os.register_at_fork(after_in_child=_forked)


def open_client(settings: Settings, url: str | None = None, grpc_port: int | None = None) -> AsyncQdrantClient:
    """A client that connects with its first request.

    Args:
        settings: what begins with ``index_``.
        url: of the server, by default the first of ``settings.index_urls``.
        grpc_port: by default ``settings.index_grpc_port``; without one, REST is used.

    Raises:
        ConfigurationError: ``index_ca`` isn't a file of certificates.
    """
    grpc_port = 0 if _Grpc.lost else grpc_port or settings.index_grpc_port or 0
    _Grpc.used |= bool(grpc_port)
    key = settings.index_api_key
    options: dict[str, Any] = {
        "limits": httpx.Limits(max_connections=_CONNECTIONS),
        "grpc_options": dict(_GRPC_OPTIONS),
        # A compressed answer comes in two packets, and the second waits up to 40 ms until the first is confirmed.
        "metadata": {"Accept-Encoding": "identity"},  # the client's word for headers of REST alone
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
            url=with_port(url or settings.index_urls[0]),
            prefer_grpc=bool(grpc_port),
            grpc_port=grpc_port or REST_PORT + 1,
            api_key=key.get_secret_value() if key else None,
            timeout=settings.index_timeout,
            check_compatibility=False,
            **options,
        )


def place_of(client: AsyncQdrantClient) -> str:
    """What a client talks to, for messages."""
    options = client.init_options
    place = redacted(str(options.get("url") or options.get("host") or options.get("location") or "qdrant"))
    return f"{place} (gRPC on port {options['grpc_port']})" if options.get("prefer_grpc") else place


async def by_grpc(settings: Settings, url: str, rest: q.VersionInfo) -> AsyncQdrantClient | None:
    """A client over gRPC for the server that says ``rest`` of itself over REST; ``None`` if gRPC can't be used.

    The port after that of REST may be shut, or another server's, or take no API key: each is reason enough for REST.
    """
    found = urlsplit(with_port(url))
    port = (found.port or REST_PORT) + 1  # the next, by Qdrant's convention
    # Behind a path, or the port of the web, there is a proxy, which passes on what it was told to.
    proxy = found.path.strip("/") or found.port == HTTPS_PORT
    if settings.index_grpc_port is not None or _Grpc.lost or proxy or port > 65535:
        return None
    reason = "another server answers there"
    async with AsyncExitStack() as unused:
        client = open_client(settings, url, port)
        unused.push_async_callback(client.close)
        try:
            async with asyncio.timeout(min(_LOOK_SECONDS, settings.index_timeout)):
                told = await client.info()
                if "qdrant" in told.title and (told.title, told.version) == (rest.title, rest.version):
                    await client.collection_exists(settings.collection)  # unlike its version, it needs the API key
                    unused.pop_all()
                    log.debug("%s: gRPC on port %d", redacted(url), port)
                    return client
        except Exception as error:  # whatever it is, REST has just answered
            reason = type(error).__name__
    log.info("%s: REST, as gRPC on port %d can't be used: %s", redacted(url), port, reason)
    return None
