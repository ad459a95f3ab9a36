"""One batch, from its lease to the ledger."""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from postings.errors import InvalidMessage, PostingsError
from postings.writes import Outcome
from postings_ingest.indexing import Indexed, Indexer
from postings_ingest.operations import Deletion, Operation, micro_batches
from postings_ingest.queue.dead_letters import letter
from postings_ingest.queue.ledger import Counts, Lease, Ledger
from postings_ingest.queue.messages import Unreadable, dump, pack, to_json, unpack
from postings_ingest.worker.patience import Broken, Patience, Stopping

log = logging.getLogger(__name__)

DELIVERIES = 2
"""A batch delivered more often than this is split, and a single document becomes a dead letter."""
PARTS = 16

Announce = Callable[[str, str], Any]


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
        self._outcomes: Counter[str] = Counter()
        self._letters: list[str] = []
        self.indexed: list[Indexed] = []
        """Each micro-batch that was written."""

    def run(self) -> Counts:
        """Do what the batch says; returns what was counted.

        Raises:
            Stopping: the worker stops; the batch was given back.
            Broken: it should; likewise.
        """
        try:
            operations = unpack(self._lease.payload)
        except InvalidMessage as error:
            self._letters.append(self._letter({"payload": self._lease.payload[:65536]}, error))
            return self._finish([])
        if self._lease.deliveries > DELIVERIES:
            return self._blame(operations)
        readable: list[Operation] = []
        for operation in operations:
            if isinstance(operation, Unreadable):
                self._letters.append(self._letter(operation.raw, InvalidMessage(operation.reason)))
            else:
                readable.append(operation)
        done = 0
        try:
            for batch in micro_batches(readable):
                if done and time.monotonic() > self._ends:
                    break
                self._index(batch)
                done += len(batch)
        except Stopping:
            if not done:
                self._patience.call(lambda: self._ledger.release(self._lease))
                raise
        return self._finish(readable[done:])

    def _index(self, operations: Sequence[Operation]) -> None:
        """Index operations; of those that fail for good, find out which they are."""
        try:
            indexed = self._patience.call(lambda: self._indexer.run(operations, lambda: self._lease.arrival))
        except Stopping:
            raise
        except Exception as error:
            if not isinstance(error, PostingsError):
                self._try_model(error)
            if len(operations) == 1:
                log.warning("document %r can't be indexed: %s", operations[0].id, error, extra=self._context())
                self._letters.append(self._letter(to_json(operations[0]), error))
                return
            middle = len(operations) // 2
            self._index(operations[:middle])
            self._index(operations[middle:])
            return
        self.indexed.append(indexed)
        for operation, outcome in zip(operations, indexed.outcomes, strict=True):
            deleted = isinstance(operation, Deletion) and outcome is Outcome.INDEXED
            self._outcomes["deleted" if deleted else outcome.value] += 1

    def _try_model(self, error: Exception) -> None:
        """A document isn't to blame for what happens with any other, too."""
        try:
            self._indexer.encoder.encode_documents(["a"])
        except Exception as again:
            raise Broken(f"{type(again).__name__}: {again}") from error

    def _blame(self, operations: Sequence[Operation | Unreadable]) -> Counts:
        """The batch was delivered too often: whatever is in it kills workers. Part it, until one document is left."""
        raw = [part.raw if isinstance(part, Unreadable) else to_json(part) for part in operations]
        if len(raw) <= 1:
            error = WorkerDied(f"its worker died or hung in {self._lease.deliveries - 1} deliveries of it alone")
            self._letters += [self._letter(operation, error) for operation in raw]
            return self._finish([])
        size = -(-len(raw) // PARTS)
        parts = [
            (uuid.uuid4().hex, pack([dump(part) for part in raw[start : start + size]]), len(raw[start : start + size]))
            for start in range(0, len(raw), size)
        ]
        log.warning(
            "batch was delivered %d times: split into %d", self._lease.deliveries, len(parts), extra=self._context()
        )
        if self._patience.call(lambda: self._ledger.split(self._lease, parts)):
            for id, _, _ in parts:
                self._announce(id, self._lease.queue)
        return Counts()

    def _finish(self, rest: Sequence[Operation]) -> Counts:
        """Write down what was done. If Redis doesn't come back, the batch is done again by another worker."""
        left = (pack([dump(to_json(operation)) for operation in rest]), len(rest)) if rest else ("", 0)
        counts = Counts(**self._outcomes)
        if not self._patience.call(lambda: self._ledger.finish(self._lease, counts, self._letters, rest=left)):
            log.warning("another worker took over the batch", extra=self._context())
            return Counts()
        if rest:
            self._announce(self._lease.id, self._lease.queue)
        return Counts(
            indexed=counts.indexed,
            superseded=counts.superseded,
            deleted=counts.deleted,
            failed=len(self._letters),
        )

    def _letter(self, operation: Any, error: Exception) -> str:
        return letter(operation, type(error).__name__, str(error), self._lease.arrival)

    def _context(self) -> dict[str, str]:
        return {"job": self._lease.job, "batch": self._lease.id}


class WorkerDied(PostingsError):
    """A document whose worker died each time it was tried."""
