"""Whatever producers and workers do, and in whatever order, the ledger counts each document once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

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

from postings import Settings
from postings_ingest import Counts, DeadLetters, Ledger
from postings_ingest.queue.dead_letters import letter
from postings_ingest.queue.lease import Lease
from postings_ingest.queue.ledger import QUEUES
from tests.support.ledger import evict_counts
from tests.support.queue_keys import QueueKeys


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
