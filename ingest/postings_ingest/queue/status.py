"""The state of a queue, its workers and its jobs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from postings_ingest.counts import Counts
from postings_ingest.queue.ledger import Ledger
from postings_ingest.queue.workers import Worker

_JOBS = 20


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The state of a collection's queue.

    Attributes:
        queued: documents that wait for a worker.
        in_flight: documents that workers are working on.
        dead_letters: documents that could not be indexed.
        oldest_seconds: how long the oldest queued batch has waited since it was last announced.
        batches: the number of queued batches, by queue.
        workers: the workers that are alive.
        jobs: the counts of the latest jobs, by id.
    """

    queued: int
    in_flight: int
    dead_letters: int
    oldest_seconds: float
    batches: dict[str, int]
    workers: list[Worker] = field(default_factory=list)
    jobs: dict[str, Counts] = field(default_factory=dict)


def queue_status(ledger: Ledger) -> QueueStatus:
    """Read the state of a queue.

    Raises:
        BrokerUnavailable: Redis can't be reached.
    """
    depth = ledger.depth()
    found = {job: ledger.counts(job) for job in ledger.latest_jobs(_JOBS)}
    return QueueStatus(
        queued=depth.queued,
        in_flight=depth.in_flight,
        dead_letters=len(ledger.letters),
        oldest_seconds=max(time.time() - depth.oldest / 1000, 0.0) if depth.oldest is not None else 0.0,
        batches=depth.batches,
        workers=ledger.workers.alive(),
        jobs={job: counts for job, counts in found.items() if counts is not None},
    )
