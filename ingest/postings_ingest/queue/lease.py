"""A batch that a worker has leased, and whether it still holds the lease."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class LeaseState(IntEnum):
    """Whether a worker still holds a lease; if false, it must stop.

    Attributes:
        TAKEN: another worker has leased the batch since, or has finished it.
        VALID: the worker holds the lease.
        LOST: Redis has no such batch: it was evicted, flushed, or never written to the disk. No other worker can have
            it, so the worker that has its payload goes on.
    """

    TAKEN = 0
    VALID = 1
    LOST = 2


@dataclass(frozen=True, slots=True)
class Lease:
    """A batch that this worker has leased.

    Attributes:
        id: the batch's id.
        payload: its operations, see :mod:`postings_ingest.queue.messages`.
        job: the job that its documents count for.
        queue: the queue that it came from.
        arrival: the version of operations that have none, in ms since the epoch.
        deliveries: how often work on it was begun and not released, this time included.
        token: identifies the lease; only the latest one may finish the batch.
        documents: the number of its operations.
    """

    id: str
    payload: str
    job: str
    queue: str
    arrival: int
    deliveries: int
    token: str
    documents: int

    @property
    def context(self) -> dict[str, str]:
        """The ids that log lines about it carry."""
        return {"job": self.job, "batch": self.id}
