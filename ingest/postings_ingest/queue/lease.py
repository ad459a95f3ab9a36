"""A batch that a worker holds for a while, and whether it still does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Held(IntEnum):
    """Whether a worker still holds a batch; false means that it must stop.

    Attributes:
        TAKEN: another worker has the batch since, or has finished it.
        VALID: nobody else has it.
        LOST: Redis holds no such batch any more: it was evicted, flushed, or never reached the disk. Nobody else can
            have it, so whoever has its payload goes on.
    """

    TAKEN = 0
    VALID = 1
    LOST = 2


@dataclass(frozen=True, slots=True)
class Lease:
    """A batch that this worker holds.

    Attributes:
        id: the batch's.
        payload: its operations, see :mod:`postings_ingest.queue.messages`.
        job: whom to count for.
        queue: where it came from.
        arrival: the version of operations that bring none, in ms since the epoch.
        deliveries: how often work on it was begun and not given back, this time included.
        token: of the holder; only the last one may finish the batch.
        documents: how many operations it has.
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
        """What a line of the log says of it besides."""
        return {"job": self.job, "batch": self.id}
