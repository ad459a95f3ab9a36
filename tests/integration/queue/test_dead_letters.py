"""Dead letters are listed, retried once, and purged."""

from __future__ import annotations

import json

import pytest

from postings.errors import DeadLetterNotFound, InvalidInput
from postings_ingest import Counts, DeadLetters, Ledger
from postings_ingest.queue.dead_letters import letter
from tests.support.ledger import held, register
from tests.support.queue_keys import QueueKeys


def test_a_dead_letter_is_retried_once_and_counted_as_under_way(ledger: Ledger) -> None:
    register(ledger, "a")
    lost = letter({"delete": {"id": "x", "version": None}}, "Error", "reason", 7)
    ledger.finish(held(ledger.start("a", 10)), Counts(), [lost])
    letters = DeadLetters(ledger)
    (found,) = letters.list()
    assert (found.document, found.reason, found.job) == ("x", "reason", "job")
    assert ledger.counts("job") == Counts(submitted=1, failed=1)
    batch = letters.retry(found.id)
    assert batch is not None
    assert len(letters) == 0
    assert ledger.counts("job") == Counts(submitted=1)
    lease = held(ledger.start(batch[0], 10))
    assert lease.arrival == 7
    assert json.loads(lease.payload)["operations"] == [{"delete": {"id": "x", "version": None}}]


def test_a_batch_that_cannot_be_read_fails_with_all_its_documents(ledger: Ledger) -> None:
    register(ledger, "a", 256)
    ledger.finish(held(ledger.start("a", 10)), Counts(), [letter({"payload": "?"}, "InvalidMessage", "reason", 1)])
    assert ledger.counts("job") == Counts(submitted=256, failed=256)


def test_a_letter_is_retried_by_its_whole_id_only(ledger: Ledger) -> None:
    letters = DeadLetters(ledger)
    letters.add({"delete": {"id": "x", "version": 1}}, "Error", "reason")
    (found,) = letters.list()
    with pytest.raises(DeadLetterNotFound):
        letters.retry(found.id.partition("-")[0])
    assert len(letters) == 1


def test_letters_are_purged_by_a_generator_of_ids_but_not_by_a_string(ledger: Ledger) -> None:
    letters = DeadLetters(ledger)
    for name in "xyz":
        letters.add({"delete": {"id": name, "version": 1}}, "Error", "reason")
    first, second, _ = (found.id for found in letters.list())
    with pytest.raises(InvalidInput, match="ids must hold"):
        letters.purge(first)
    assert letters.purge(id for id in (first, second)) == 2
    assert letters.purge(id for id in ()) == 0
    assert len(letters) == 1


def test_a_letter_whose_job_is_forgotten_is_retried_all_the_same(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a")
    lost = letter({"delete": {"id": "x", "version": None}}, "Error", "reason", 7)
    ledger.finish(held(ledger.start("a", 10)), Counts(), [lost])
    keys.redis.delete(f"{keys.prefix}:job:job")
    batch = DeadLetters(ledger).retry(next(DeadLetters(ledger).list()).id)
    assert batch is not None
    ledger.finish(held(ledger.start(batch[0], 10)), Counts(deleted=1))
    assert ledger.counts("job") == Counts(submitted=1, deleted=1)


def test_an_id_that_no_letter_can_have_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(DeadLetterNotFound):
        DeadLetters(ledger).retry("no id")
