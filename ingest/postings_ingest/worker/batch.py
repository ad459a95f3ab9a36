"""One batch, from its lease to the ledger."""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from postings.errors import IndexUnavailable, InvalidMessage, NewerFormat, PostingsError, WorkerDied
from postings.write_protocol import Outcome
from postings_ingest.indexing import Indexed, Indexer
from postings_ingest.operations import Deletion, Operation, micro_batches
from postings_ingest.prepared import Prepared
from postings_ingest.queue.counts import Counts
from postings_ingest.queue.dead_letters import letter
from postings_ingest.queue.lease import Held, Lease
from postings_ingest.queue.ledger import Ledger
from postings_ingest.queue.messages import Unreadable, dump, pack, to_json, unpack
from postings_ingest.worker.patience import Broken, Patience, Stopping

log = logging.getLogger(__name__)

DELIVERIES = 2
"""A batch delivered more often than this is split, and a single document becomes a dead letter."""
PARTS = 16

Announce = Callable[[str, str], Any]


class Overtaken(Exception):
    """Another worker has the batch by now, or has finished it."""


@dataclass(slots=True)
class Tried:
    """What became of some operations: how many were ``indexed``, ``superseded`` and so on, and the others' letters."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: list[Operation] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)

    def __add__(self, other: Tried) -> Tried:
        return Tried(self.outcomes + other.outcomes, self.failed + other.failed, self.letters + other.letters)


class BatchRun:
    """Works a batch off, operation by operation if need be; used once.

    Args:
        lease: of the batch.
        indexer: where its documents go.
        ledger: where their fate is written down.
        announce: tells the workers of a batch, by id and queue.
        patience: waits while an error may pass.
        seconds: after which the rest of the batch is put back.
    """

    def __init__(
        self,
        lease: Lease,
        indexer: Indexer,
        ledger: Ledger,
        announce: Announce,
        patience: Patience,
        seconds: float,
    ) -> None:
        self._lease = lease
        self._indexer = indexer
        self._ledger = ledger
        self._announce = announce
        self._patience = patience
        self._ends = time.monotonic() + seconds
        self._done = Tried()
        self._steps = 0
        self._encoding = False
        self._held = Held.VALID
        self.indexed: list[Indexed] = []
        """Each micro-batch that was written."""

    @property
    def state(self) -> Hashable:
        """Something else whenever the batch has got on; while it is encoded, whenever the model has."""
        return self._steps, self._indexer.encoder.work.passes if self._encoding else None

    def run(self) -> Counts:
        """Do what the batch says; returns what was counted.

        Raises:
            Stopping: the worker stops; what wasn't done was given back.
            Broken: it should; likewise.
        """
        try:
            operations = unpack(self._lease.payload)
        except NewerFormat as error:
            # Not announced: a newer worker finds it when its announcement counts as lost.
            log.warning("left to a newer worker: %s", error, extra=self._lease.context)
            self._still(self._patience.call(lambda: self._ledger.release(self._lease)))
            return Counts()
        except InvalidMessage as error:
            self._done.letters.append(self._letter({"payload": self._lease.payload[:65536]}, error))
            return self._finish([])
        if self._lease.deliveries > DELIVERIES:
            return self._blame(operations)
        readable: list[Operation] = []
        for operation in operations:
            if isinstance(operation, Unreadable):
                self._done.letters.append(self._letter(operation.raw, InvalidMessage(operation.reason)))
            else:
                readable.append(operation)
        done = 0
        try:
            for batch in micro_batches(readable):
                if done and time.monotonic() > self._ends:
                    break
                self._done += self._index(batch)
                done += len(batch)
        except Overtaken:
            return Counts()
        except Stopping as stopping:
            if done:
                self._finish(readable[done:])
            elif not (isinstance(stopping, Broken) and stopping.blames):
                self._still(self._patience.call(lambda: self._ledger.release(self._lease)))
            raise
        return self._finish(readable[done:])

    def _index(self, operations: Sequence[Operation]) -> Tried:
        """Index operations; of those that fail for good, find out which they are."""

        def attempt() -> Tried:
            tried = self._try(operations)
            if not tried.outcomes:
                self._probe()
            # Something around them may have failed for a moment: whoever is blamed failed twice.
            return Tried(tried.outcomes) + self._try(tried.failed) if tried.failed else tried

        return self._patience.call(attempt)

    def _try(self, operations: Sequence[Operation]) -> Tried:
        try:
            self._step(encoding=True)
            # Late revisions may be under way: what stands as it came is still given the version of this one.
            prepared = self._patience.call(lambda: self._indexer.encode(operations, lambda: self._lease.arrival))
            indexed = self._patience.call(lambda: self._write(prepared))
        except (Stopping, Overtaken):
            raise
        except Exception as error:
            if not isinstance(error, PostingsError):
                self._try_model(error)
            if len(operations) == 1:
                log.warning("document %r can't be indexed: %s", operations[0].id, error, extra=self._lease.context)
                return Tried(failed=list(operations), letters=[self._letter(to_json(operations[0]), error)])
            middle = len(operations) // 2
            return self._try(operations[:middle]) + self._try(operations[middle:])
        self.indexed.append(indexed)
        outcomes = Counter(
            "deleted" if isinstance(operation, Deletion) and outcome is Outcome.INDEXED else outcome.value
            for operation, outcome in zip(operations, indexed.outcomes, strict=True)
        )
        return Tried(outcomes + Counter(unchanged=indexed.unchanged))

    def _write(self, prepared: Sequence[Prepared]) -> Indexed:
        """Write, unless the lease was lost meanwhile: whoever writes late and then dies could leave stale passages."""
        self._step(encoding=False)
        if not self._still(self._ledger.begin(self._lease)):
            raise Overtaken
        return self._indexer.write(prepared)

    def _still(self, held: Held) -> bool:
        """Whether the batch is still ours to do; says once what happened to it."""
        if held is not self._held:
            self._held = held
            if held is Held.TAKEN:
                log.warning("another worker took over the batch, or has finished it", extra=self._lease.context)
            elif held is Held.LOST:
                log.warning("Redis lost the batch: its documents are indexed all the same", extra=self._lease.context)
        return bool(held)

    def _step(self, *, encoding: bool) -> None:
        self._steps += 1
        self._encoding = encoding

    def _probe(self) -> None:
        """No document was taken: if the index takes no other either, they aren't to blame."""
        try:
            self._indexer.probe()
        except PostingsError as error:
            raise IndexUnavailable(f"no document can be indexed: {error}") from error

    def _try_model(self, error: Exception) -> None:
        """A document isn't to blame for what happens with any other, too; nor, at once, for a lack of memory."""
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            raise Broken(f"no memory left for one document: {error}", blames=True) from error
        try:
            self._indexer.encoder.encode_documents(["a"])
        except Exception as again:
            raise Broken(f"{type(again).__name__}: {again}") from error

    def _blame(self, operations: Sequence[Operation | Unreadable]) -> Counts:
        """The batch was delivered too often: whatever is in it kills workers. Part it, until one document is left."""
        raw = [part.raw if isinstance(part, Unreadable) else to_json(part) for part in operations]
        if len(raw) <= 1:
            error = WorkerDied(f"its worker died or hung in {self._lease.deliveries - 1} deliveries of it alone")
            self._done.letters += [self._letter(operation, error) for operation in raw]
            return self._finish([])
        size = -(-len(raw) // PARTS)
        parts = [
            (uuid.uuid4().hex, pack([dump(part) for part in raw[start : start + size]]), len(raw[start : start + size]))
            for start in range(0, len(raw), size)
        ]
        log.warning(
            "batch was delivered %d times: split into %d", self._lease.deliveries, len(parts), extra=self._lease.context
        )
        if self._still(self._patience.call(lambda: self._ledger.split(self._lease, parts))):
            for id, _, _ in parts:
                self._announce(id, self._lease.queue)
        return Counts()

    def _finish(self, rest: Sequence[Operation]) -> Counts:
        """Write down what was done. If Redis doesn't come back, the batch is done again by another worker."""
        left = (pack([dump(to_json(operation)) for operation in rest]), len(rest)) if rest else ("", 0)
        counts = Counts(**self._done.outcomes)
        letters = self._done.letters
        if not self._still(self._patience.call(lambda: self._ledger.finish(self._lease, counts, letters, rest=left))):
            return Counts()
        if rest:
            self._announce(self._lease.id, self._lease.queue)
        return Counts(
            indexed=counts.indexed,
            superseded=counts.superseded,
            deleted=counts.deleted,
            failed=len(letters),
            unchanged=counts.unchanged,
        )

    def _letter(self, operation: Any, error: Exception) -> str:
        return letter(operation, type(error).__name__, str(error), self._lease.arrival)
