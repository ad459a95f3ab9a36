"""The state of the queue, its workers and its jobs."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, fields
from typing import Any

from postings_ingest.queue.counts import Counts
from postings_ingest.queue.ledger import QUEUES, Ledger

_JOBS = 20


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that gave a sign of life in the last seconds.

    Attributes:
        name: host and process.
        ready: whether it takes batches.
        trouble: what it waits for, if anything.
        documents: it has finished since it began.
        documents_per_second: over the last half minute.
        batches_in_flight: batches that it works on.
        device: where it encodes.
        started_at: ms since the epoch.
    """

    name: str
    ready: bool
    trouble: str | None
    documents: int
    documents_per_second: float
    batches_in_flight: int
    device: str
    started_at: int


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One look at the queue of a collection.

    Attributes:
        queued: documents that wait for a worker.
        in_flight: documents that workers are at work on.
        dead_letters: documents that could not be indexed.
        oldest_seconds: how long the oldest waiting batch has waited since it was last announced.
        batches: waiting, by queue.
        workers: those that live.
        jobs: the latest, by id.
    """

    queued: int
    in_flight: int
    dead_letters: int
    oldest_seconds: float
    batches: dict[str, int]
    workers: list[Worker] = field(default_factory=list)
    jobs: dict[str, Counts] = field(default_factory=dict)


def queue_status(ledger: Ledger) -> QueueStatus:
    """Look at the queue.

    Raises:
        BrokerUnavailable: Redis can't be reached.
    """
    prefix = ledger.prefix
    with ledger.errors():
        names = sorted(str(name) for name in ledger.redis.smembers(f"{prefix}:workers"))
        with ledger.redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(f"{prefix}:counts")
            pipe.xlen(f"{prefix}:dead")
            for queue in QUEUES:
                pipe.zcard(f"{prefix}:waiting:{queue}")
                pipe.zrange(f"{prefix}:waiting:{queue}", 0, 0, withscores=True)
            pipe.zrevrange(f"{prefix}:jobs", 0, _JOBS - 1)
            counts, dead, *queues, jobs = pipe.execute()
        signs: list[Any] = ledger.redis.mget([f"{prefix}:worker:{name}" for name in names]) if names else []
        if gone := [name for name, sign in zip(names, signs, strict=True) if sign is None]:
            ledger.redis.srem(f"{prefix}:workers", *gone)
    oldest = [score for first in queues[1::2] for _, score in first]
    found = {job: ledger.counts(job) for job in jobs}
    return QueueStatus(
        queued=int(counts.get("waiting", 0)),
        in_flight=int(counts.get("leased", 0)),
        dead_letters=dead,
        oldest_seconds=max(time.time() - min(oldest) / 1000, 0.0) if oldest else 0.0,
        batches=dict(zip(QUEUES, queues[::2], strict=True)),
        workers=[_worker(json.loads(sign)) for sign in signs if sign],
        jobs={job: counts for job, counts in found.items() if counts is not None},
    )


def _worker(sign: dict[str, Any]) -> Worker:
    """Read a sign of life; a worker of a newer version may say more."""
    return Worker(**{each.name: sign[each.name] for each in fields(Worker)})
