"""The service's metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from postings_ingest import Ledger
from postings_ingest.worker.metrics import QueueMetrics

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """Requests by route, and the queue; the names begin with ``postings_``.

    Args:
        ledger: the default collection's ledger; the queue's depth is read whenever Prometheus asks.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(QueueMetrics(ledger))
        self._requests = Counter(
            "postings_requests", "Requests, by route and status", ["route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "postings_request_seconds",
            "Seconds until the end of an answer",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )

    def count(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        """Count a request that has ended."""
        # Not the path: it has ids, of which there are any number.
        route = getattr(scope.get("route"), "path", "none")
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """What Prometheus reads."""
        return generate_latest(self.registry)
