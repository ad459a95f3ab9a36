"""A worker's metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from postings.errors import BrokerUnavailable, ConfigurationError
from postings_ingest.queue.status import queue_status

if TYPE_CHECKING:
    from postings.cards import Card
    from postings.encoder import Work
    from postings_ingest.counts import Counts
    from postings_ingest.planned_writes import Indexed
    from postings_ingest.queue.ledger import Ledger

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Metrics:
    """The metrics of one worker; their names begin with ``postings_``.

    Args:
        ledger: the collection's ledger; the queue's depth is read whenever Prometheus asks.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.registry = CollectorRegistry()
        self.documents = Counter(
            "postings_documents", "Finished documents, by outcome", ["outcome"], registry=self.registry
        )
        self.passages = Counter("postings_passages", "Passages written", registry=self.registry)
        self.batch_seconds = _histogram(self.registry, "batch_seconds", "Seconds from lease to ledger")
        self.upsert_seconds = _histogram(self.registry, "upsert_seconds", "Seconds to write up to 256 documents")
        self.redeliveries = Counter(
            "postings_redeliveries", "Batches announced again after their worker died", registry=self.registry
        )
        self.registry.register(QueueMetrics(ledger))

    def add_work(self, work: Callable[[], Work]) -> None:
        """Add the metrics of the models; ``work`` is called whenever Prometheus asks."""
        self.registry.register(_Encoding(work))

    def add_card(self, card: Card) -> None:
        """Add the metrics of the card that encodes; its driver is asked whenever Prometheus asks."""
        self.registry.register(_CardUse(card))

    def count(self, counts: Counts, indexed: Sequence[Indexed]) -> None:
        """Count what became of a batch's documents, and each micro-batch that was written."""
        for each in indexed:
            self.passages.inc(each.passages)
            self.upsert_seconds.observe(each.write_seconds)
        for outcome in ("indexed", "superseded", "deleted", "failed"):
            self.documents.labels(outcome).inc(getattr(counts, outcome))


class _Encoding(Collector):
    def __init__(self, work: Callable[[], Work]) -> None:
        self._work = work

    def collect(self) -> Iterator[CounterMetricFamily]:
        work = self._work()
        yield CounterMetricFamily("postings_encode_passes", "Passes over the model", value=work.passes)
        yield CounterMetricFamily("postings_encode_tokens", "Tokens encoded", value=work.tokens)
        yield CounterMetricFamily("postings_encode_seconds", "Seconds in passes over the model", value=work.seconds)
        yield CounterMetricFamily(
            "postings_out_of_memory_halvings", "Passes halved because memory ran out", value=work.halvings
        )


class _CardUse(Collector):
    def __init__(self, card: Card) -> None:
        self._card = card

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield self._gauge("memory_bytes", "Memory of the card", self._card.bytes)
        yield self._gauge("memory_used_bytes", "Memory in use on the card, by all processes", self._card.used_bytes())
        if (busy := self._card.utilization()) is not None:
            yield self._gauge("utilization", "Share of the last second in which the card computed", busy)

    def _gauge(self, name: str, text: str, value: float) -> GaugeMetricFamily:
        gauge = GaugeMetricFamily(f"postings_card_{name}", text, labels=["device", "card"])
        gauge.add_metric([self._card.device, self._card.name], value)
        return gauge


class QueueMetrics(Collector):
    """The metrics of a queue, read from Redis whenever Prometheus asks.

    Args:
        ledger: the collection's ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The metrics; if Redis doesn't answer or refuses us, only that."""
        try:
            status = queue_status(self._ledger)
        except (BrokerUnavailable, ConfigurationError):  # the latter after its password was changed, for example
            yield GaugeMetricFamily("postings_redis_up", "Whether Redis answers", value=0)
            return
        yield GaugeMetricFamily("postings_redis_up", "Whether Redis answers", value=1)
        yield GaugeMetricFamily("postings_queued_documents", "Documents that wait for a worker", value=status.queued)
        yield GaugeMetricFamily("postings_in_flight_documents", "Documents in flight", value=status.in_flight)
        unfinished = status.queued + status.in_flight
        yield GaugeMetricFamily("postings_unfinished_documents", "Documents queued or in flight", value=unfinished)
        yield GaugeMetricFamily("postings_dead_letters", "Dead letters", value=status.dead_letters)
        yield GaugeMetricFamily("postings_workers", "Workers whose heartbeat is recent", value=len(status.workers))
        yield GaugeMetricFamily(
            "postings_oldest_queued_seconds", "Seconds that the oldest batch has waited", value=status.oldest_seconds
        )


def _histogram(registry: CollectorRegistry, name: str, text: str) -> Histogram:
    return Histogram(f"postings_{name}", text, buckets=_SECONDS, registry=registry)
