"""The HTTP server for ``/ready``, ``/live`` and ``/metrics``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from postings.errors import ConfigurationError


class HealthServer:
    """Answers ``/live`` while the process runs, ``/ready`` while it can work, and ``/metrics`` for Prometheus.

    Args:
        registry: the metrics.
        ready: gives whether the process can work now.
        host: the address to listen on.
        port: the port to listen on; 0 picks a free one.

    Attributes:
        port: the port that it listens on.

    Raises:
        ConfigurationError: the port can't be opened.
    """

    def __init__(self, registry: CollectorRegistry, ready: Callable[[], bool], host: str, port: int) -> None:
        self._ready = ready
        self._metrics = make_wsgi_app(registry)
        try:
            self._server = make_server(host, port, self._answer, _Threaded, _Quiet)
        except OSError as error:
            raise ConfigurationError(f"{host}:{port} can't be opened: {error}") from error
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, name="postings-health", daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                found: Iterable[bytes] = self._metrics(environ, start)
                return found
            case "/live":
                status, text = "200 OK", "live"
            case "/ready":
                status, text = ("200 OK", "ready") if self._ready() else ("503 Service Unavailable", "not ready")
            case _:
                status, text = "404 Not Found", "expected /ready, /live or /metrics"
        start(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{text}\n".encode()]


class _Threaded(ThreadingMixIn, WSGIServer):
    """Answers probes even while ``/metrics`` waits for Redis."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: probes arrive every few seconds."""
