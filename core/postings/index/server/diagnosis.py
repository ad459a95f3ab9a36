"""Finding out what listens on a port if its answer isn't HTTP: it may be a port for TLS, or for gRPC."""

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

_PROBE_SECONDS = 1
_HTTP1 = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS_FRAME = 4
"""The type of the first frame of an HTTP/2 server, in its fourth byte; gRPC uses HTTP/2."""


async def wrong_port(url: str, error: Exception, timeout: float) -> ConfigurationError | None:
    """Explain why a server's first answer over REST wasn't HTTP; ``None`` if the port doesn't show why.

    Args:
        url: for REST.
        error: the client's error.
        timeout: seconds that a request may take.
    """
    source = error.source if isinstance(error, ResponseHandlingException) else None
    strange = isinstance(source, httpx.RemoteProtocolError | httpx.ReadError)
    if not strange and not any(word in str(source) for word in ("ALERT", "CERTIFICATE")):
        return None
    found = urlsplit(url := with_port(url))
    host, port, secure = str(found.hostname), found.port or REST_PORT, found.scheme == "https"
    setting = f"setting 'index_url': {redacted(url)}"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(min(_PROBE_SECONDS, timeout)):
            # A connection may also break on the right port.
            if (await _answer(host, port, _HTTP1, "http/1.1" if secure else None)).startswith(b"HTTP/"):
                return None
            if (await _answer(host, port, _HTTP2, "h2" if secure else None))[3:4] == bytes([_SETTINGS_FRAME]):
                return ConfigurationError(
                    f"{setting}: port {port} is for gRPC: use the one for REST (usually {REST_PORT}), and set "
                    "index_grpc_port to this one"
                )
            if not secure and await _answer(host, port, _HTTP1, "http/1.1"):
                return ConfigurationError(f"{setting}: port {port} speaks TLS: write https://")
    return None


async def _answer(host: str, port: int, request: bytes, protocol: str | None) -> bytes:
    """The first bytes of a server's answer, over TLS if ``protocol`` is set; none if the connection breaks."""
    context = None
    if protocol:
        # The certificate doesn't matter: nothing secret is sent.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols([protocol])
    try:
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
        try:
            writer.write(request)
            return await reader.read(9)
        finally:
            writer.transport.abort()
    except OSError:
        return b""
    finally:
        await asyncio.sleep(0)  # lets the transport close
