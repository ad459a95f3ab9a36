"""Opening a client: over gRPC if the same server answers there, otherwise over REST."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import warnings
from contextlib import AsyncExitStack
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
from qdrant_client import AsyncQdrantClient
from qdrant_client import models as q

from postings.addresses import HTTPS_PORT, REST_PORT, with_port
from postings.errors import ConfigurationError
from postings.secrets import redacted
from postings.settings import Settings

_PROBE_SECONDS = 2
_CONNECTIONS = 100
_GRPC_OPTIONS = {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    # Otherwise, a connection to a vanished server would be used until the system closes it after 15 minutes.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 5000,
}

log = logging.getLogger(__name__)


class _Grpc:
    """Whether this process may use gRPC: its library doesn't work in a process forked after it was used."""

    used = False
    lost = False


def _after_fork() -> None:
    _Grpc.lost = _Grpc.used


os.register_at_fork(after_in_child=_after_fork)


def open_client(settings: Settings, url: str | None = None, grpc_port: int | None = None) -> AsyncQdrantClient:
    """Create a client, which connects with its first request.

    Args:
        settings: those that start with ``index_``.
        url: of the server; by default the first of ``settings.index_urls``.
        grpc_port: by default ``settings.index_grpc_port``; without either, REST is used.

    Raises:
        ConfigurationError: ``index_ca`` isn't a file of certificates.
    """
    grpc_port = 0 if _Grpc.lost else grpc_port or settings.index_grpc_port or 0
    _Grpc.used |= bool(grpc_port)
    key = settings.index_api_key
    options: dict[str, Any] = {
        "limits": httpx.Limits(max_connections=_CONNECTIONS),
        "grpc_options": dict(_GRPC_OPTIONS),
        # A compressed answer is sent in two packets, and the second waits up to 40 ms until the first is acknowledged.
        "metadata": {"Accept-Encoding": "identity"},  # the client sends these as headers, over REST only
    }
    if settings.index_ca is None:
        options["verify"] = _trusted()
    else:
        try:
            options["verify"] = ssl.create_default_context(cafile=settings.index_ca)
            options["grpc_options"] |= {"root_certificates": settings.index_ca.read_bytes()}
        except OSError as error:
            raise ConfigurationError(f"setting 'index_ca': {settings.index_ca}: {error}") from error
    with warnings.catch_warnings():
        # The operator has decided by the URL whether to trust the network with the key.
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


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates of public authorities, or those that the environment names; reading them takes 50 ms."""
    return httpx.create_ssl_context()


def address_of(client: AsyncQdrantClient) -> str:
    """The address of a client, for messages."""
    options = client.init_options
    address = redacted(str(options.get("url") or options.get("host") or options.get("location") or "qdrant"))
    return f"{address} (gRPC on port {options['grpc_port']})" if options.get("prefer_grpc") else address


async def by_grpc(settings: Settings, url: str, rest: q.VersionInfo) -> AsyncQdrantClient | None:
    """Create a client over gRPC for the server that answered ``rest`` over REST; ``None`` if gRPC can't be used.

    The port after that of REST may be closed, may belong to another server, or may refuse the API key.
    """
    found = urlsplit(with_port(url))
    port = (found.port or REST_PORT) + 1  # Qdrant's convention
    # A path, or the port of HTTPS, means a proxy, which only forwards what it is configured to.
    proxy = found.path.strip("/") or found.port == HTTPS_PORT
    if settings.index_grpc_port is not None or _Grpc.lost or proxy or port > 65535:
        return None
    reason = "another server answers there"
    async with AsyncExitStack() as unused:
        client = open_client(settings, url, port)
        unused.push_async_callback(client.close)
        try:
            async with asyncio.timeout(min(_PROBE_SECONDS, settings.index_timeout)):
                info = await client.info()
                if "qdrant" in info.title and (info.title, info.version) == (rest.title, rest.version):
                    await client.collection_exists(settings.collection)  # this needs the API key, unlike the version
                    unused.pop_all()
                    log.debug("%s: gRPC on port %d", redacted(url), port)
                    return client
        except Exception as error:  # any error: REST has just answered
            reason = type(error).__name__
    log.info("%s: using REST, because gRPC on port %d can't be used: %s", redacted(url), port, reason)
    return None
