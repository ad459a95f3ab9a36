"""A batch that Redis lost counts as failed, or is finished by the worker that has it in flight."""

from __future__ import annotations

import pytest

from postings_ingest import Counts, Ledger
from postings_ingest.queue.lease import LeaseState
from postings_ingest.queue.ledger import BULK
from tests.support.ledger import ALL_FAILED, held, lose, lost_to, register
from tests.support.queue_keys import QueueKeys


def test_a_batch_that_redis_lost_before_it_was_started_has_failed(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, keys: QueueKeys
) -> None:
    register(ledger, "a", 7)
    lose(keys, "a")
    assert ledger.start("a", 10) is None
    assert lost_to(ledger, keys) == ALL_FAILED
    assert "lost batch a with 7 documents: they count as failed" in caplog.text
    assert ledger.start("a", 10) is None  # announced twice
    assert lost_to(ledger, keys) == ALL_FAILED


def test_a_lost_batch_whose_announcement_was_lost_too_has_failed(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a", 7)
    lose(keys, "a")
    assert ledger.recover(0, idle=True) == []
    assert lost_to(ledger, keys) == ALL_FAILED


def test_a_lost_batch_whose_worker_died_has_failed(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a", 7)
    held(ledger.start("a", 0))
    lose(keys, "a")
    assert ledger.recover(10, idle=False) == []
    assert lost_to(ledger, keys) == ALL_FAILED


def test_whoever_holds_a_lost_batch_brings_it_to_its_end(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a", 7)
    lease = held(ledger.start("a", 10))
    lose(keys, "a")
    assert ledger.start("a", 10) is None
    assert ledger.begin(lease) is LeaseState.LOST
    assert ledger.finish(lease, Counts(indexed=5), rest=("the rest", 2)) is LeaseState.LOST
    rest = held(ledger.start("a", 10))
    assert (rest.payload, rest.documents, rest.job) == ("the rest", 2, "job")
    assert ledger.begin(lease) is LeaseState.TAKEN
    assert ledger.finish(rest, Counts(indexed=2)) is LeaseState.VALID
    assert lost_to(ledger, keys) == (Counts(submitted=7, indexed=7), {}, [])


def test_a_lost_batch_that_is_given_back_waits_again(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a", 7)
    lease = held(ledger.start("a", 10))
    lose(keys, "a")
    assert ledger.release(lease) is LeaseState.LOST
    assert held(ledger.start("a", 10)).payload == "payload of a"


def test_a_redis_that_lost_everything_is_told_what_became_of_a_batch_in_flight(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a", 7)
    lease = held(ledger.start("a", 10))
    keys.delete_all()
    assert ledger.begin(lease) is LeaseState.LOST
    assert ledger.finish(lease, Counts(indexed=7)) is LeaseState.LOST
    assert lost_to(ledger, keys) == (Counts(submitted=7, indexed=7), {}, [])


def test_an_audit_finds_what_was_lost_of_many_batches(ledger: Ledger, keys: QueueKeys) -> None:
    for number in range(1000):
        register(ledger, str(number))
    lose(keys, "7")
    keys.redis.delete(f"{keys.prefix}:batch:8")
    keys.redis.zrem(f"{keys.prefix}:waiting:{BULK}", "8")
    cursor = ledger.audit()
    assert cursor != "0"
    while cursor != "0":
        cursor = ledger.audit(cursor)
    assert ledger.counts("job") == Counts(submitted=1000, failed=2)


def test_of_batches_that_were_evicted_with_their_job_each_leaves_a_dead_letter(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a", 3)
    register(ledger, "b", 4)
    for key in keys.all():
        if not key.endswith(":batches"):
            keys.redis.delete(key)
    assert ledger.audit() == "0"
    assert lost_to(ledger, keys) == (Counts(submitted=7, failed=7), {}, ["BatchLost", "BatchLost"])


def test_batches_in_flight_when_redis_lost_everything_are_counted_as_they_end(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a", 10)
    last = register(ledger, "b", 20)
    first, second = held(ledger.start("a", 10)), held(ledger.start("b", 10))
    keys.delete_all()
    keys.redis.set(f"{keys.prefix}:clock", last + 1000)  # those that come now came later
    ledger.register("c", "payload", 5, "job", BULK, last)
    assert ledger.counts("job") == Counts(submitted=5)
    ledger.finish(first, Counts(indexed=4), rest=("the rest", 6))
    assert ledger.counts("job") == Counts(submitted=15, indexed=4)
    assert ledger.split(second, [("d", "part", 10), ("e", "part", 10)]) is LeaseState.LOST
    assert ledger.counts("job") == Counts(submitted=35, indexed=4)
    for id, documents in {"a": 6, "d": 10, "e": 10, "c": 5}.items():
        ledger.finish(held(ledger.start(id, 10)), Counts(indexed=documents))
    assert lost_to(ledger, keys) == (Counts(submitted=35, indexed=35), {}, [])


@pytest.mark.parametrize("evicted", ["leased", f"waiting:{BULK}", "counts"])
def test_what_was_in_a_set_that_was_evicted_is_counted_once(ledger: Ledger, keys: QueueKeys, evicted: str) -> None:
    for id, documents in (("a", 5), ("b", 3)):
        register(ledger, id, documents)
    lease = held(ledger.start("a", 10))
    keys.redis.delete(f"{keys.prefix}:{evicted}")
    ledger.audit_all()
    found = ledger.depth()
    assert found.queued + found.in_flight == 8
    assert ledger.finish(lease, Counts(indexed=5)) is LeaseState.VALID
    assert ledger.finish(held(ledger.start("b", 10)), Counts(indexed=3)) is LeaseState.VALID
    assert lost_to(ledger, keys) == (Counts(submitted=8, indexed=8), {}, [])
