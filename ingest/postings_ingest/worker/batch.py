"""One batch, from its lease to the ledger."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from postings.batching import batched
from postings.errors import EncodingFailed, IndexUnavailable, InvalidMessage, NewerFormat, PostingsError, WorkerDied
from postings_ingest.counts import Counts
from postings_ingest.indexing import Indexer
from postings_ingest.operations import Operation, micro_batches
from postings_ingest.planned_writes import Indexed, PlannedWrite
from postings_ingest.queue.dead_letters import MAX_SHOWN, letter
from postings_ingest.queue.lease import Lease
from postings_ingest.queue.ledger import Ledger
from postings_ingest.queue.messages import Unreadable, dump, pack, to_json, unpack
from postings_ingest.worker.held_lease import HeldLease, LeaseLost
from postings_ingest.worker.model_check import check_models
from postings_ingest.worker.retrying import ModelBroken, Retrier, Stopping

log = logging.getLogger(__name__)

MAX_DELIVERIES = 2
"""A batch that was delivered more often is split; if it is a single document, that becomes a dead letter."""
PARTS = 16

Announce = Callable[[str, str], Any]


@dataclass(slots=True)
class AttemptResult:
    """The result of indexing some operations.

    Attributes:
        counts: what became of them, without those that failed.
        failed: those that failed.
        letters: the dead letters of those that failed.
    """

    counts: Counts = Counts()  # noqa: RUF009 - frozen
    failed: list[Operation] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)

    def __add__(self, other: AttemptResult) -> AttemptResult:
        return AttemptResult(self.counts + other.counts, self.failed + other.failed, self.letters + other.letters)


class BatchRun:
    """Indexes the documents of one batch, one by one if some of them fail. Use it once.

    Args:
        lease: the lease of the batch.
        indexer: the index to write to.
        ledger: records what became of the documents.
        announce: announces a batch, given its id and queue.
        retrier: retries calls that fail for other reasons than a document.
        seconds: the time after which the rest of the batch is returned to the queue.
    """

    def __init__(
        self,
        lease: Lease,
        indexer: Indexer,
        ledger: Ledger,
        announce: Announce,
        retrier: Retrier,
        seconds: float,
    ) -> None:
        self._lease = lease
        self._indexer = indexer
        self._ledger = ledger
        self._announce = announce
        self._retrier = retrier
        self._ends = time.monotonic() + seconds
        self._done = AttemptResult()
        self._steps = 0
        self._encoding = False
        self._held = HeldLease(lease, ledger, retrier)
        self.indexed: list[Indexed] = []
        """The result of each micro-batch that was written."""

    @property
    def progress(self) -> Hashable:
        """A value that changes whenever the batch makes progress; while it is encoded, with each pass of the model."""
        return self._steps, self._indexer.work.passes if self._encoding else None

    def run(self) -> Counts:
        """Work on the batch; returns what became of its documents.

        Raises:
            Stopping: the worker was asked to stop; unfinished documents were returned to the queue.
            ModelBroken: the worker must be restarted. Unfinished documents were returned to the queue, or, if they may
                be the cause, stay leased until the lease expires, so that this delivery counts.
        """
        try:
            operations = unpack(self._lease.payload)
        except NewerFormat as error:
            # Not announced: a newer worker finds it once its announcement counts as lost.
            log.warning("left to a newer worker: %s", error, extra=self._lease.context)
            self._held.release()
            return Counts()
        except InvalidMessage as error:
            self._done.letters.append(self._letter({"payload": self._lease.payload[:MAX_SHOWN]}, error))
            return self._finish([])
        if self._lease.deliveries > MAX_DELIVERIES:
            return self._split(operations)
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
        except LeaseLost:
            return Counts()
        except Stopping as stopping:
            if done:
                self._finish(readable[done:])
            elif not (isinstance(stopping, ModelBroken) and stopping.documents_fault):
                self._held.release()
            raise
        return self._finish(readable[done:])

    def _index(self, operations: Sequence[Operation]) -> AttemptResult:
        """Index operations, and find out which of them fail."""

        def attempt() -> AttemptResult:
            tried = self._try(operations)
            if not tried.counts.done:
                self._probe()
            # Something else may have failed for a moment, so a document fails only if it fails twice.
            return AttemptResult(tried.counts) + self._try(tried.failed) if tried.failed else tried

        return self._retrier.call(attempt)

    def _try(self, operations: Sequence[Operation]) -> AttemptResult:
        try:
            self._step(encoding=True)
            # The arrival is the version even of unchanged documents: older revisions may still be in flight.
            planned = self._retrier.call(lambda: self._indexer.encode(operations, lambda: self._lease.arrival))
            indexed = self._retrier.call(lambda: self._write(planned))
        except (Stopping, LeaseLost):
            raise
        except Exception as error:
            failure = error
            if not isinstance(error, PostingsError):
                check_models(self._indexer, error, "document")
                failure = EncodingFailed(f"{type(error).__name__}: {error}")
            if len(operations) == 1:
                log.warning("document %r can't be indexed: %s", operations[0].id, failure, extra=self._lease.context)
                return AttemptResult(failed=list(operations), letters=[self._letter(to_json(operations[0]), failure)])
            middle = len(operations) // 2
            return self._try(operations[:middle]) + self._try(operations[middle:])
        self.indexed.append(indexed)
        return AttemptResult(indexed.counts)

    def _write(self, planned: Sequence[PlannedWrite]) -> Indexed:
        self._step(encoding=False)
        self._held.check()
        return self._indexer.write(planned)

    def _step(self, *, encoding: bool) -> None:
        self._steps += 1
        self._encoding = encoding

    def _probe(self) -> None:
        """After no document was accepted: check that the index accepts anything, otherwise they aren't to blame."""
        try:
            self._indexer.probe()
        except PostingsError as error:
            raise IndexUnavailable(f"no document can be indexed: {error}") from error

    def _split(self, operations: Sequence[Operation | Unreadable]) -> Counts:
        """Split a batch that keeps crashing workers; if it is a single document, that becomes a dead letter."""
        raw = [part.raw if isinstance(part, Unreadable) else to_json(part) for part in operations]
        if len(raw) <= 1:
            attempts = "both attempts" if self._lease.deliveries == 3 else f"all {self._lease.deliveries - 1} attempts"
            error = WorkerDied(f"the worker crashed or hung on {attempts} to index it alone")
            self._done.letters += [self._letter(operation, error) for operation in raw]
            return self._finish([])
        parts = [
            (uuid.uuid4().hex, pack([dump(operation) for operation in part]), len(part))
            for part in batched(raw, -(-len(raw) // PARTS))
        ]
        log.warning(
            "batch was delivered %d times: split into %d", self._lease.deliveries, len(parts), extra=self._lease.context
        )
        if self._held.valid(self._retrier.call(lambda: self._ledger.split(self._lease, parts))):
            for id, _, _ in parts:
                self._announce(id, self._lease.queue)
        return Counts()

    def _finish(self, rest: Sequence[Operation]) -> Counts:
        """Record what was done, and requeue the rest. If Redis can't be reached, another worker repeats the batch."""
        left = (pack([dump(to_json(operation)) for operation in rest]), len(rest)) if rest else ("", 0)
        counts, letters = self._done.counts, self._done.letters
        if not self._held.valid(
            self._retrier.call(lambda: self._ledger.finish(self._lease, counts, letters, rest=left))
        ):
            return Counts()
        if rest:
            self._announce(self._lease.id, self._lease.queue)
        return replace(counts, failed=self._lease.documents - len(rest) - counts.done)

    def _letter(self, operation: Any, error: Exception) -> str:
        return letter(operation, type(error).__name__, str(error), self._lease.arrival)
