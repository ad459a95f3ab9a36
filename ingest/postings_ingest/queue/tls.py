"""A connection to Redis by TLS that tells a server without TLS at once.

Such a server takes the first message of TLS for the beginning of a command, and waits for its end: redis-py would wait
for it for two minutes.
"""

from __future__ import annotations

import socket
from typing import Any

from redis.connection import SSLConnection

from postings.errors import ConfigurationError


class PromptSSLConnection(SSLConnection):
    """redis-py's own, whose handshake must end in the time that connecting may take."""

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> Any:
        sock.settimeout(self.socket_connect_timeout)
        try:
            wrapped: socket.socket = super()._wrap_socket_with_ssl(sock)  # type: ignore[no-untyped-call]
        except TimeoutError:
            if _answers_without_tls(self.host, self.port):
                sock.close()
                raise ConfigurationError(
                    f"Redis at {self.host}:{self.port} doesn't speak TLS: write redis:// in POSTINGS_REDIS_URL"
                ) from None
            raise
        wrapped.settimeout(self.socket_timeout)
        return wrapped


def _answers_without_tls(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), 2) as plain:
            plain.sendall(b"PING\r\n")
            return plain.recv(1) in {b"+", b"-"}
    except OSError:
        return False
