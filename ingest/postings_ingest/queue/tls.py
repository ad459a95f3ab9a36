"""A TLS connection to Redis that soon detects a server without TLS.

Such a server takes the first TLS message for the beginning of a command, and waits for the rest. redis-py alone would
wait for two minutes.
"""

from __future__ import annotations

import socket
from typing import Any

from redis.connection import SSLConnection

from postings.errors import ConfigurationError


class PromptSSLConnection(SSLConnection):
    """redis-py's TLS connection, whose handshake must end within the time limit for connecting."""

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
