"""A job whose counts Redis evicted is counted anew, from the batches that are left."""

from __future__ import annotations

from postings_ingest import Counts, DeadLetters, Ledger
from postings_ingest.queue.dead_letters import letter
from postings_ingest.queue.ledger import BULK
from tests.support.ledger import evict_counts, held, lose, lost_to, register
from tests.support.queue_keys import QueueKeys


def test_a_job_whose_counts_were_evicted_is_counted_anew(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a", 3)
    register(ledger, "b", 4)
    register(ledger, "c", 5, job="another")
    evict_counts(keys)
    ledger.finish(held(ledger.start("a", 10)), Counts(indexed=2), rest=("the rest", 1))
    assert ledger.counts("job") == Counts(submitted=7, indexed=2)
    ledger.finish(held(ledger.start("a", 10)), Counts(indexed=1))
    assert ledger.counts("job") == Counts(submitted=7, indexed=3)
    ledger.finish(held(ledger.start("b", 10)), Counts(indexed=4))
    assert lost_to(ledger, keys) == (Counts(submitted=7, indexed=7), {"waiting": "5"}, [])


def test_a_producer_goes_on_with_a_job_whose_counts_were_evicted(ledger: Ledger, keys: QueueKeys) -> None:
    first = register(ledger, "a", 10)
    last = ledger.register("b", "payload", 10, "job", BULK, first)
    evict_counts(keys)
    ledger.finish(held(ledger.start("a", 10)), Counts(indexed=10))
    assert ledger.counts("job") == Counts(submitted=20, indexed=10)
    ledger.register("c", "payload", 10, "job", BULK, last)
    assert ledger.counts("job") == Counts(submitted=30, indexed=10)
    ledger.finish(held(ledger.start("b", 10)), Counts(indexed=10))
    assert ledger.counts("job") == Counts(submitted=30, indexed=20)
    ledger.finish(held(ledger.start("c", 10)), Counts(indexed=10))
    assert ledger.counts("job") == Counts(submitted=30, indexed=30)


def test_a_batch_that_is_registered_after_the_counts_were_evicted_does_not_hide_those_before(
    ledger: Ledger, keys: QueueKeys
) -> None:
    last = register(ledger, "a", 10)
    evict_counts(keys)
    ledger.register("b", "payload", 5, "job", BULK, last)
    assert ledger.counts("job") == Counts(submitted=15)
    ledger.finish(held(ledger.start("b", 10)), Counts(indexed=5))
    assert ledger.counts("job") == Counts(submitted=15, indexed=5)
    lose(keys, "a")
    assert ledger.audit() == "0"
    assert lost_to(ledger, keys) == (Counts(submitted=15, indexed=5, failed=10), {}, ["BatchLost"])


def test_a_batch_that_is_registered_again_after_the_counts_were_evicted_is_counted_once(
    ledger: Ledger, keys: QueueKeys
) -> None:
    last = register(ledger, "a", 10)
    arrival = ledger.register("b", "payload", 5, "job", BULK, last)
    evict_counts(keys)
    assert ledger.register("b", "payload", 5, "job", BULK, last) == arrival
    assert lost_to(ledger, keys) == (Counts(submitted=15), {"waiting": "15"}, [])


def test_a_letter_from_before_the_counts_were_evicted_is_retried_without_a_count_below_zero(
    ledger: Ledger, keys: QueueKeys
) -> None:
    last = register(ledger, "a")
    lost = letter({"delete": {"id": "x", "version": None}}, "Error", "reason", last)
    ledger.finish(held(ledger.start("a", 10)), Counts(), [lost])
    evict_counts(keys)
    ledger.register("b", "payload", 5, "job", BULK, last)
    batch = DeadLetters(ledger).retry(next(DeadLetters(ledger).list()).id)
    assert batch is not None
    assert ledger.counts("job") == Counts(submitted=6)
    ledger.finish(held(ledger.start(batch[0], 10)), Counts(deleted=1))
    ledger.finish(held(ledger.start("b", 10)), Counts(indexed=5))
    assert ledger.counts("job") == Counts(submitted=6, indexed=5, deleted=1)
