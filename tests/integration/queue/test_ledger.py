"""The ledger keeps count whatever is repeated, late, or done by two workers at once."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from pydantic import SecretStr

from postings import Settings
from postings.errors import BrokerUnavailable, ConfigurationError, DeadLetterNotFound, InvalidInput, QueueFull
from postings_ingest import Counts, DeadLetters, Ledger
from postings_ingest.queue.dead_letters import letter
from postings_ingest.queue.lease import Lease, LeaseState
from postings_ingest.queue.ledger import BULK, INTERACTIVE, QUEUES
from tests.support.queue_keys import QueueKeys
from tests.support.redis_server import RedisServer


def register(ledger: Ledger, id: str, documents: int = 1, *, job: str = "job", queue: str = BULK) -> int:
    return ledger.register(id, f"payload of {id}", documents, job, queue)


def held(lease: Lease | None) -> Lease:
    assert lease is not None
    return lease


@dataclass
class Batch:
    """What the model knows of a batch."""

    documents: int
    queue: str
    holder: str | None = None
    gone: bool = False


@dataclass
class Model:
    batches: dict[str, Batch] = field(default_factory=dict)
    submitted: int = 0
    indexed: int = 0
    failed: int = 0
    letters: int = 0
    last: int = 0
    evicted: bool = False

    def begin_anew(self) -> None:
        """What a job's counts are once something happens after they were evicted."""
        if self.evicted:
            self.submitted = sum(batch.documents for batch in self.batches.values() if not batch.gone)
            self.indexed = self.failed = 0
            self.evicted = False


class LedgerMachine(RuleBasedStateMachine):
    """Random steps of producers and workers, stale workers among them, against a model in memory."""

    ids = Bundle("ids")
    leases = Bundle("leases")
    settings: Settings

    @initialize()
    def begin(self) -> None:
        self.model = Model()
        settings = self.settings.of_collection(f"{self.settings.collection}-{uuid.uuid4().hex}")
        self.ledger, self.keys = Ledger(settings), QueueKeys(settings)

    def teardown(self) -> None:
        self.keys.delete_all()

    @rule(target=ids, documents=st.integers(1, 9), queue=st.sampled_from(QUEUES), again=st.booleans())
    def register(self, documents: int, queue: str, again: bool) -> str:
        id = uuid.uuid4().hex
        self.model.begin_anew()
        for _ in range(1 + again):  # an answer was lost, so the producer asks again
            arrival = self.ledger.register(id, f"payload of {id}", documents, "job", queue, self.model.last)
        self.model.last = arrival
        self.model.batches[id] = Batch(documents, queue)
        self.model.submitted += documents
        return id

    @rule(target=leases, id=ids, lasting=st.booleans())
    def start(self, id: str, lasting: bool) -> object:
        batch = self.model.batches[id]
        lease = self.ledger.start(id, 1000 if lasting else 0)
        if batch.gone or batch.holder == "lasting":
            assert lease is None
            return multiple()
        assert lease is not None
        assert lease.queue == batch.queue
        batch.holder = "lasting" if lasting else "expired"
        self.model_token(id, lease)
        return lease

    def model_token(self, id: str, lease: Lease) -> None:
        self.tokens = getattr(self, "tokens", {})
        self.tokens[id] = lease.token

    def valid(self, lease: Lease) -> bool:
        return not self.model.batches[lease.id].gone and self.tokens[lease.id] == lease.token

    @rule(lease=leases, failed=st.integers(0, 3), rest=st.integers(0, 3))
    def finish(self, lease: Lease, failed: int, rest: int) -> None:
        batch = self.model.batches[lease.id]
        done = max(batch.documents - rest, 0)
        failed, rest = min(failed, done), batch.documents - done
        letters = [letter({"delete": {"id": "x"}}, "Error", "reason", 1)] * failed
        left = ("the rest", rest) if rest else ("", 0)
        assert self.ledger.finish(lease, Counts(indexed=done - failed), letters, rest=left) == self.valid(lease)
        if self.valid(lease):
            self.model.begin_anew()
            self.model.indexed += done - failed
            self.model.failed += failed
            self.model.letters += failed
            batch.documents, batch.gone, batch.holder = rest, not rest, None
            self.tokens[lease.id] = ""
            assert not self.ledger.finish(lease, Counts(indexed=done - failed), letters, rest=left)  # answer was lost

    @rule(lease=leases)
    def release(self, lease: Lease) -> None:
        assert self.ledger.release(lease) == self.valid(lease)
        if self.valid(lease):
            self.model.batches[lease.id].holder = None
            self.tokens[lease.id] = ""
            assert not self.ledger.release(lease)

    @rule(target=ids, lease=leases)
    def split(self, lease: Lease) -> object:
        batch = self.model.batches[lease.id]
        parts = [(uuid.uuid4().hex, "part", 1) for _ in range(batch.documents)]
        assert self.ledger.split(lease, parts) == self.valid(lease)
        if not self.valid(lease):
            return multiple()
        self.model.begin_anew()
        batch.gone = True
        self.model.batches |= {id: Batch(1, batch.queue) for id, _, _ in parts}
        return multiple(*(id for id, _, _ in parts))

    @rule(lease=leases)
    def renew(self, lease: Lease) -> None:
        self.ledger.renew([lease.id], 1000)
        batch = self.model.batches[lease.id]
        if batch.holder and not batch.gone:
            batch.holder = "lasting"

    @rule()
    def recover(self) -> None:
        found = self.ledger.recover(1000, idle=False)
        expired = {
            id: batch for id, batch in self.model.batches.items() if batch.holder == "expired" and not batch.gone
        }
        assert dict(found) == {id: batch.queue for id, batch in expired.items()}
        for batch in expired.values():
            batch.holder = None

    @rule()
    def evict_the_counts(self) -> None:
        evict_counts(self.keys)
        self.model.evicted = bool(self.model.batches)

    @invariant()
    def nothing_is_lost_or_counted_twice(self) -> None:
        if not self.model.batches:
            return
        counts = self.ledger.counts("job")
        if self.model.evicted:
            assert counts is None
            return
        assert counts is not None
        assert (counts.submitted, counts.indexed, counts.failed) == (
            self.model.submitted,
            self.model.indexed,
            self.model.failed,
        )
        alive = [batch for batch in self.model.batches.values() if not batch.gone]
        stored = self.keys.redis.hgetall(f"{self.keys.prefix}:counts")
        assert int(stored.get("waiting", 0)) == sum(batch.documents for batch in alive if not batch.holder)  # type: ignore[union-attr]
        assert int(stored.get("leased", 0)) == sum(batch.documents for batch in alive if batch.holder)  # type: ignore[union-attr]
        assert counts.submitted - counts.done == sum(batch.documents for batch in alive)
        assert len(DeadLetters(self.ledger)) == self.model.letters

    @rule(lease=leases)
    def recover_what_is_held(self, lease: Lease) -> None:
        batch = self.model.batches[lease.id]
        found = dict(self.ledger.recover(1000, idle=False, in_flight=[lease.id]))
        if batch.holder and not batch.gone:
            assert lease.id not in found
            batch.holder = "lasting"
        for id in found:
            self.model.batches[id].holder = None


def test_any_interleaving_keeps_every_count(settings: Settings) -> None:
    class Machine(LedgerMachine):
        pass

    Machine.settings = settings
    run_state_machine_as_test(
        Machine, settings=hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
    )


def test_a_full_queue_takes_no_more_but_one_batch_always_fits(settings: Settings) -> None:
    ledger = Ledger(settings.model_copy(update={"queue_limit": 10}))
    register(ledger, "a", 15)
    with pytest.raises(QueueFull, match=r"holds 15 documents, and 1 more would exceed the limit of 10 \(POSTINGS_"):
        register(ledger, "b", 1)
    lease = held(ledger.start("a", 10))
    with pytest.raises(QueueFull):
        register(ledger, "b", 1)
    ledger.finish(lease, Counts(indexed=15))
    register(ledger, "b", 1)


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


def test_announcements_that_were_lost_are_found_when_overtaken_or_when_idle(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "lost")
    waiting = f"{keys.prefix}:waiting:{BULK}"
    keys.redis.zincrby(waiting, -100_000, "lost")  # a hundred seconds ago
    assert ledger.recover(30, idle=False) == []
    register(ledger, "later")
    ledger.start("later", 10)
    assert ledger.recover(30, idle=False) == [("lost", BULK)]
    assert ledger.recover(30, idle=False) == []
    register(ledger, "another", queue=INTERACTIVE)
    assert ledger.recover(30, idle=True) == []
    assert ledger.recover(0, idle=True) == [("another", INTERACTIVE), ("lost", BULK)]


def test_what_a_clock_that_was_set_back_left_ahead_is_found(ledger: Ledger, keys: QueueKeys) -> None:
    hour = 3600 * 1000
    register(ledger, "held")
    held(ledger.start("held", 10))
    register(ledger, "lost")
    keys.redis.zincrby(f"{keys.prefix}:leased", hour, "held")
    keys.redis.zincrby(f"{keys.prefix}:waiting:{BULK}", hour, "lost")
    assert set(ledger.recover(0, idle=True)) == {("held", BULK), ("lost", BULK)}


def test_a_redis_that_is_nearly_full_takes_no_documents_but_all_that_workers_write(
    settings: Settings, limited_redis: RedisServer
) -> None:
    settings = settings.model_copy(update={"redis_url": SecretStr(limited_redis.url)})
    ledger, keys = Ledger(settings), QueueKeys(settings)
    register(ledger, "a")
    register(ledger, "b")
    keys.redis.config_set("maxmemory", 1)
    with pytest.raises(QueueFull, match=r"of its maxmemory of 0 MiB: documents are accepted up to 80 % of it"):
        register(ledger, "c")
    lease = held(ledger.start("a", 10))
    assert ledger.begin(lease)
    ledger.renew(["a"], 10)
    assert ledger.recover(10, idle=True) == []
    assert ledger.finish(lease, Counts(), [letter({"delete": {"id": "x", "version": None}}, "Error", "reason", 7)])
    assert ledger.release(held(ledger.start("b", 10)))
    keys.redis.config_set("maxmemory", 0)
    assert register(ledger, "c") > 0


def test_an_interactive_announcement_that_was_lost_is_found_under_a_steady_bulk_load(
    ledger: Ledger, keys: QueueKeys
) -> None:
    register(ledger, "lost", queue=INTERACTIVE)
    keys.redis.zincrby(f"{keys.prefix}:waiting:{INTERACTIVE}", -100_000, "lost")
    register(ledger, "bulk")
    assert ledger.recover(30, idle=False) == []
    held(ledger.start("bulk", 10))  # a worker looked into the interactive queue first
    assert ledger.recover(30, idle=False) == [("lost", INTERACTIVE)]


def test_a_bulk_announcement_may_wait_while_interactive_batches_overtake_it(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "bulk")
    keys.redis.zincrby(f"{keys.prefix}:waiting:{BULK}", -100_000, "bulk")
    register(ledger, "a", queue=INTERACTIVE)
    held(ledger.start("a", 10))
    assert ledger.recover(30, idle=False) == []


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


def test_redis_that_is_away_is_an_error_that_may_pass() -> None:
    ledger = Ledger(Settings(redis_url="redis://:secret@127.0.0.1:1/0"))  # type: ignore[arg-type]
    with pytest.raises(BrokerUnavailable, match=r"Redis at 127\.0\.0\.1:1: ") as caught:
        register(ledger, "a")
    assert caught.value.retry
    assert "secret" not in str(caught.value)


def test_a_url_that_is_not_one_of_redis_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="setting 'redis_url'"):
        Ledger(Settings(redis_url="http://localhost"))  # type: ignore[arg-type]


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


def lose(keys: QueueKeys, id: str) -> None:
    """As when Redis evicts it."""
    keys.redis.delete(f"{keys.prefix}:batch:{id}")


def lost_to(ledger: Ledger, keys: QueueKeys) -> tuple[Counts | None, dict[str, str], list[str]]:
    """The job's counts, those of the queue, and the errors of the dead letters."""
    counts: dict[str, str] = keys.redis.hgetall(f"{keys.prefix}:counts")  # type: ignore[assignment]
    left = {name: number for name, number in counts.items() if number != "0"}
    return ledger.counts("job"), left, [letter.error for letter in DeadLetters(ledger).list()]


ALL_FAILED = (Counts(submitted=7, failed=7), {}, ["BatchLost"])


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


def test_a_batch_that_is_finished_by_another_is_no_lost_one(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a", 7)
    late = held(ledger.start("a", 0))
    ledger.finish(held(ledger.start("a", 10)), Counts(indexed=7))
    assert ledger.begin(late) is LeaseState.TAKEN
    assert ledger.finish(late, Counts(indexed=7)) is LeaseState.TAKEN
    assert ledger.release(late) is LeaseState.TAKEN
    assert ledger.split(late, [("b", "part", 7)]) is LeaseState.TAKEN
    assert lost_to(ledger, keys) == (Counts(submitted=7, indexed=7), {}, [])


def test_a_redis_that_lost_everything_is_told_what_became_of_a_batch_in_flight(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a", 7)
    lease = held(ledger.start("a", 10))
    keys.delete_all()
    assert ledger.begin(lease) is LeaseState.LOST
    assert ledger.finish(lease, Counts(indexed=7)) is LeaseState.LOST
    assert lost_to(ledger, keys) == (Counts(submitted=7, indexed=7), {}, [])


@pytest.mark.parametrize("gone", ["waiting:bulk", "leased"])
def test_a_batch_that_no_set_names_any_more_waits_again(ledger: Ledger, gone: str, keys: QueueKeys) -> None:
    register(ledger, "a", 7)
    if gone == "leased":
        held(ledger.start("a", 10))
    keys.redis.delete(f"{keys.prefix}:{gone}")
    assert ledger.audit() == "0"
    assert ledger.recover(0, idle=True) == [("a", BULK)]


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


def evict_counts(keys: QueueKeys, job: str = "job") -> None:
    keys.redis.delete(f"{keys.prefix}:job:{job}")


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


def test_a_letter_whose_job_is_forgotten_is_retried_all_the_same(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "a")
    lost = letter({"delete": {"id": "x", "version": None}}, "Error", "reason", 7)
    ledger.finish(held(ledger.start("a", 10)), Counts(), [lost])
    keys.redis.delete(f"{keys.prefix}:job:job")
    batch = DeadLetters(ledger).retry(next(DeadLetters(ledger).list()).id)
    assert batch is not None
    ledger.finish(held(ledger.start(batch[0], 10)), Counts(deleted=1))
    assert ledger.counts("job") == Counts(submitted=1, deleted=1)
