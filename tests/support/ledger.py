"""Short forms for tests of the ledger."""

from __future__ import annotations

from postings_ingest import Counts, DeadLetters, Ledger
from postings_ingest.queue.lease import Lease
from postings_ingest.queue.ledger import BULK
from tests.support.queue_keys import QueueKeys


def register(ledger: Ledger, id: str, documents: int = 1, *, job: str = "job", queue: str = BULK) -> int:
    """Register a batch, as a producer does; returns when it arrived."""
    return ledger.register(id, f"payload of {id}", documents, job, queue)


def held(lease: Lease | None) -> Lease:
    """A lease that must have been given."""
    assert lease is not None
    return lease


def lose(keys: QueueKeys, id: str) -> None:
    """As when Redis evicts it."""
    keys.redis.delete(f"{keys.prefix}:batch:{id}")


def lost_to(ledger: Ledger, keys: QueueKeys) -> tuple[Counts | None, dict[str, str], list[str]]:
    """The job's counts, those of the queue, and the errors of the dead letters."""
    counts: dict[str, str] = keys.redis.hgetall(f"{keys.prefix}:counts")  # type: ignore[assignment]
    left = {name: number for name, number in counts.items() if number != "0"}
    return ledger.counts("job"), left, [letter.error for letter in DeadLetters(ledger).list()]


ALL_FAILED = (Counts(submitted=7, failed=7), {}, ["BatchLost"])
"""What ``lost_to`` returns where one batch of 7 documents was lost."""


def evict_counts(keys: QueueKeys, job: str = "job") -> None:
    """As when Redis evicts them."""
    keys.redis.delete(f"{keys.prefix}:job:{job}")
