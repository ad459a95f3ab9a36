"""Registering, leasing and finishing batches, also when an answer is lost and a step is repeated."""

from __future__ import annotations

import pytest

from postings import Settings
from postings.errors import BrokerUnavailable, ConfigurationError
from postings_ingest import Counts, Ledger
from postings_ingest.queue.lease import LeaseState
from postings_ingest.queue.ledger import BULK
from tests.support.ledger import held, lost_to, register
from tests.support.queue_keys import QueueKeys


def test_arrivals_grow_with_each_batch_of_any_producer(ledger: Ledger, keys: QueueKeys) -> None:
    first = register(ledger, "a")
    ahead = first + 3_600_000
    keys.redis.set(f"{keys.prefix}:clock", ahead)  # the clock was ahead before a failover
    second = register(ledger, "b", job="another")
    assert second == ahead + 1
    assert ledger.register("c", "", 1, "job", BULK, last=second + 7) == second + 8
    rush = [register(ledger, str(number), job=str(number % 3)) for number in range(200)]
    assert rush == sorted(set(rush))


def test_a_batch_registered_again_after_it_was_finished_stays_finished(ledger: Ledger) -> None:
    arrival = register(ledger, "a")
    ledger.finish(held(ledger.start("a", 10)), Counts(indexed=1))
    assert register(ledger, "a") == arrival
    assert ledger.start("a", 10) is None
    assert ledger.counts("job") == Counts(submitted=1, indexed=1)


def test_a_repeat_that_comes_after_later_batches_changes_nothing(ledger: Ledger) -> None:
    first = ledger.register("a", "payload", 1, "job", BULK)
    second = ledger.register("b", "payload", 2, "job", BULK, first)
    third = ledger.register("c", "payload", 4, "job", BULK, second)
    assert ledger.register("b", "payload", 2, "job", BULK, first) == third
    assert ledger.counts("job") == Counts(submitted=7)


def test_deliveries_are_counted_but_not_those_given_back(ledger: Ledger) -> None:
    register(ledger, "a")
    for delivery in (1, 2, 3):
        lease = held(ledger.start("a", 0))
        assert lease.deliveries == delivery
        assert ledger.begin(lease)
        assert ledger.begin(lease)  # an answer was lost
    given_back = held(ledger.start("a", 0))
    ledger.begin(given_back)
    ledger.release(given_back)
    assert not ledger.begin(given_back)
    assert held(ledger.start("a", 0)).deliveries == 4
    assert held(ledger.start("a", 0)).deliveries == 4  # the work was never begun


def test_parts_of_a_batch_and_what_is_left_of_it_arrived_when_it_did(ledger: Ledger) -> None:
    """Else a revision of them could pass for newer than one that was accepted after it."""
    arrival = ledger.register("a", "payload", 3, "job", BULK, last=2**50)
    assert ledger.finish(held(ledger.start("a", 10)), Counts(indexed=1), rest=("the rest", 2))
    rest = held(ledger.start("a", 10))
    assert ledger.split(rest, [("one", "part", 1), ("other", "part", 1)])
    parts = [held(ledger.start(id, 10)) for id in ("one", "other")]
    assert [(lease.arrival, lease.documents) for lease in (rest, *parts)] == [(arrival, 2), (arrival, 1), (arrival, 1)]


def test_redis_that_is_away_is_an_error_that_may_pass() -> None:
    ledger = Ledger(Settings(redis_url="redis://:secret@127.0.0.1:1/0"))  # type: ignore[arg-type]
    with pytest.raises(BrokerUnavailable, match=r"can't reach Redis at 127\.0\.0\.1:1 ") as caught:
        register(ledger, "a")
    assert caught.value.retry
    assert "secret" not in str(caught.value)


def test_a_url_that_is_not_one_of_redis_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="setting 'redis_url'"):
        Ledger(Settings(redis_url="http://localhost"))  # type: ignore[arg-type]


def test_a_batch_that_is_finished_by_another_is_no_lost_one(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a", 7)
    late = held(ledger.start("a", 0))
    ledger.finish(held(ledger.start("a", 10)), Counts(indexed=7))
    assert ledger.begin(late) is LeaseState.TAKEN
    assert ledger.finish(late, Counts(indexed=7)) is LeaseState.TAKEN
    assert ledger.release(late) is LeaseState.TAKEN
    assert ledger.split(late, [("b", "part", 7)]) is LeaseState.TAKEN
    assert lost_to(ledger, keys) == (Counts(submitted=7, indexed=7), {}, [])
