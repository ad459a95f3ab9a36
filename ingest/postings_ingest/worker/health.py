"""``/ready``, ``/live`` and ``/metrics``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from postings.errors import ConfigurationError


class HealthServer:
    """Answers ``/live`` while the process runs, ``/ready`` when it can do its work, and ``/metrics``.

    Args:
        registry: of the metrics.
        ready: whether the process can do its work now.
        host: address to listen on.
        port: 0 picks one, see :attr:`port`.

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
    """A probe isn't kept waiting by metrics that wait for Redis."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Probes come every few seconds."""
