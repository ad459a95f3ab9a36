"""What whoever waits for a job learns; no worker is needed for it."""

from __future__ import annotations

import pytest

from postings import Settings
from postings.errors import JobNotFound
from postings_ingest import Counts, Job, Ledger
from postings_ingest.queue.ledger import BULK
from tests.support.queue_keys import QueueKeys


def test_a_job_that_redis_lost_is_no_longer_waited_for(settings: Settings, ledger: Ledger, keys: QueueKeys) -> None:
    ledger.register("a", "payload", 2, "job", BULK)
    watched = Job(ledger, "job").watch()
    assert next(watched) == Counts(submitted=2)
    keys.delete_all()
    with pytest.raises(JobNotFound, match="Redis has lost job job when 0 of 2 documents were done"):
        next(watched)


def test_a_lost_batch_is_noticed_by_whoever_waits_though_no_worker_lives(
    settings: Settings, ledger: Ledger, keys: QueueKeys
) -> None:
    ledger.register("a", "payload", 2, "job", BULK)
    keys.redis.delete(f"{keys.prefix}:batch:a")
    assert Job(ledger, "job").wait(60) == Counts(submitted=2, failed=2)


def test_whoever_waits_is_called_each_time_the_counts_change(ledger: Ledger) -> None:
    ledger.register("a", "payload", 2, "job", BULK)
    seen: list[Counts] = []

    def note(counts: Counts) -> None:
        seen.append(counts)
        if not counts.done:
            lease = ledger.start("a", 60)
            assert lease is not None
            ledger.finish(lease, Counts(indexed=1, deleted=1))

    finished = Counts(submitted=2, indexed=1, deleted=1)
    assert Job(ledger, "job").wait(60, progress=note) == finished
    assert seen == [Counts(submitted=2), finished]
