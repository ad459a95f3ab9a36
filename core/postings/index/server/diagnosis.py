"""What listens on a port, when a client can make nothing of its answer: one for TLS, or for gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from urllib.parse import urlsplit

import httpx
from qdrant_client.http.exceptions import ResponseHandlingException

from postings.addresses import REST_PORT, with_port
from postings.errors import ConfigurationError
from postings.secrets import redacted

_LOOK_SECONDS = 1
_HTTP1 = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS_FRAME = 4
"""The type, in the fourth byte, of the frame that a server of HTTP/2 begins with, which is what gRPC speaks."""


async def wrong_port(url: str, error: Exception, timeout: float) -> ConfigurationError | None:
    """Why a server's first answer over REST was no HTTP, where a look at the port shows it; ``None`` if it doesn't.

    Args:
        url: of REST.
        error: what the client raised.
        timeout: seconds that a request may take.
    """
    said = error.source if isinstance(error, ResponseHandlingException) else None
    strange = isinstance(said, httpx.RemoteProtocolError | httpx.ReadError)
    if not strange and not any(word in str(said) for word in ("ALERT", "CERTIFICATE")):
        return None
    found = urlsplit(url := with_port(url))
    host, port, secure = str(found.hostname), found.port or REST_PORT, found.scheme == "https"
    place = f"setting 'index_url': {redacted(url)}"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(min(_LOOK_SECONDS, timeout)):
            # A connection may break on the right port too.
            if (await _answer(host, port, _HTTP1, "http/1.1" if secure else None)).startswith(b"HTTP/"):
                return None
            if (await _answer(host, port, _HTTP2, "h2" if secure else None))[3:4] == bytes([_SETTINGS_FRAME]):
                return ConfigurationError(
                    f"{place}: port {port} is for gRPC: give that for REST (usually {REST_PORT}), and this one in "
                    "index_grpc_port"
                )
            if not secure and await _answer(host, port, _HTTP1, "http/1.1"):
                return ConfigurationError(f"{place}: port {port} speaks TLS: write https://")
    return None


async def _answer(host: str, port: int, said: bytes, protocol: str | None) -> bytes:
    """What a server says first, over TLS if a protocol is named; nothing if the connection breaks."""
    context = None
    if protocol:
        # Whoever answers is told nothing, so it doesn't matter who it is.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols([protocol])
    try:
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
        try:
            writer.write(said)
            return await reader.read(9)
        finally:
            writer.transport.abort()
    except OSError:
        return b""
    finally:
        await asyncio.sleep(0)  # for the transport to close
