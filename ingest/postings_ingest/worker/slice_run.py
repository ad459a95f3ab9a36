"""One slice of a collection that is encoded with another model, from its lease to the ledger."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Sequence

from postings import Encoder
from postings.batching import halves
from postings.errors import EncodingFailed, InvalidMessage, ModelMismatch, NewerFormat, PostingsError, WorkerDied
from postings.index import Point
from postings.index.payload import TENANT
from postings_ingest.backfill import Page, fill, pages_without_vector
from postings_ingest.counts import Counts
from postings_ingest.indexing import Indexer
from postings_ingest.planned_writes import Indexed
from postings_ingest.queue.dead_letters import MAX_SHOWN, letter
from postings_ingest.queue.lease import Lease
from postings_ingest.queue.ledger import BULK, INTERACTIVE, Ledger
from postings_ingest.queue.slices import Slice
from postings_ingest.worker.batch import MAX_DELIVERIES, Announce
from postings_ingest.worker.held_lease import HeldLease, LeaseLost
from postings_ingest.worker.model_check import check_models
from postings_ingest.worker.retrying import ModelBroken, Retrier, Stopping

log = logging.getLogger(__name__)

_NAP_SECONDS = 0.2


class ModelDropped(Exception):
    """The model was dropped while a slice was encoded with it."""


class SliceRun:
    """Encodes the passages of one slice that have no vector of the model. Use it once.

    What it did is in the index: whoever gets the slice next, after a crash too, finds only what is left. So it needs no
    record of its progress, and returns the slice to the queue as soon as documents wait for a worker.

    Args:
        lease: the lease of the slice.
        indexer: the index, and the models.
        ledger: records that the slice is done.
        announce: announces a batch, given its id and queue.
        retrier: retries calls that fail for other reasons than a passage.
        seconds: the time after which the rest of the slice is returned to the queue.
    """

    def __init__(
        self, lease: Lease, indexer: Indexer, ledger: Ledger, announce: Announce, retrier: Retrier, seconds: float
    ) -> None:
        self._lease = lease
        self._held = HeldLease(lease, ledger, retrier)
        self._indexer = indexer
        self._ledger = ledger
        self._announce = announce
        self._retrier = retrier
        self._ends = time.monotonic() + seconds
        self._steps = 0
        self._letters: list[str] = []
        self.indexed: list[Indexed] = []
        """The pages that were written."""

    @property
    def progress(self) -> Hashable:
        """A value that changes whenever the slice makes progress."""
        return self._steps, self._indexer.work.passes

    def run(self) -> Counts:
        """Work on the slice; no document is done by it.

        Raises:
            Stopping: the worker was asked to stop; the rest was returned to the queue.
            ModelBroken: the worker must be restarted. The rest was returned to the queue, or, if a passage may be the
                cause, stays leased until the lease expires, so that this delivery counts.
        """
        try:
            part = Slice.unpack(self._lease.payload)
        except NewerFormat as error:
            log.warning("left to a newer worker: %s", error, extra=self._lease.context)
            self._held.release()
            return Counts()
        except InvalidMessage as error:
            self._letters.append(self._letter({"payload": self._lease.payload[:MAX_SHOWN]}, error))
            self._finish(None)
            return Counts()
        try:
            encoder = self._retrier.call(lambda: self._indexer.encoder_of(part.model))
            if encoder is None:
                raise ModelDropped
            work = self._work if self._lease.deliveries == 1 else self._work_carefully
            self._finish(work(part, encoder))
        except ModelDropped:
            log.info("model %s was dropped: its slice isn't needed", part.model[:8], extra=self._lease.context)
            self._finish(None)
        except LeaseLost:
            pass
        except Stopping as stopping:
            if not (isinstance(stopping, ModelBroken) and stopping.documents_fault):
                self._held.release()
            raise
        return Counts()

    def _work(self, part: Slice, encoder: Encoder) -> Slice | None:
        """Encode until nothing is left, or others need the worker; returns the rest of the slice."""
        left: Slice | None = part
        while left is not None and self._keeps_rate(part.rate):
            page = self._page(left)
            self._steps += 1
            began = time.monotonic()
            self._fill(page.points, encoder)
            self.indexed.append(Indexed([], len(page.points), time.monotonic() - began, Counts()))
            if part.rate is not None:
                self._pace(len(page.points), part.rate)
            left = None if page.rest is None else left.rest(page.rest)
            if left is not None and self._must_end():
                break
        return left

    def _work_carefully(self, part: Slice, encoder: Encoder) -> Slice | None:
        """After a crash, encode one page passage by passage: the next worker then knows which one causes it."""
        page = self._page(part)
        points = page.points
        rest = None if page.rest is None else part.rest(page.rest)
        if points and self._lease.deliveries > MAX_DELIVERIES + 1:
            attempts = self._lease.deliveries - 1
            self._blame(points[0], WorkerDied(f"the worker crashed or hung on all {attempts} attempts to encode it"))
            return part.rest(part.ids.beyond(points[0].id))
        for point in points:
            self._steps += 1
            self._fill([point], encoder)
        return rest

    def _page(self, part: Slice) -> Page:
        return self._retrier.call(lambda: next(pages_without_vector(self._indexer.index, part.model, part.ids)))

    def _fill(self, points: Sequence[Point], encoder: Encoder) -> None:
        """Encode passages, and find out which of them fail."""
        if not points:
            return
        try:
            self._retrier.call(lambda: self._write(points, encoder))
        except (Stopping, LeaseLost, ModelDropped):
            raise
        except Exception as error:
            failure = error
            if not isinstance(error, PostingsError):
                check_models(self._indexer, error, "passage")
                failure = EncodingFailed(f"{type(error).__name__}: {error}")
            if len(points) == 1:
                self._blame(points[0], failure)
                return
            for half in halves(points):
                self._fill(half, encoder)

    def _write(self, points: Sequence[Point], encoder: Encoder) -> None:
        self._held.check()
        try:
            fill(self._indexer.index, encoder, points)
        except ModelMismatch as error:
            # Otherwise it is retried: an operator has to correct it.
            if encoder.fingerprint not in self._indexer.index.models().names:
                raise ModelDropped from error
            raise

    def _must_end(self) -> bool:
        """Whether to return the rest to the queue."""
        self._steps += 1
        batches = self._retrier.call(self._ledger.depth).batches
        return bool(batches[INTERACTIVE] or batches[BULK]) or time.monotonic() > self._ends

    def _keeps_rate(self, rate: float | None) -> bool:
        """Wait until the rate allows to encode; returns false if the slice must end before.

        What was encoded of other slices, and of this one before it was returned to the queue, counts too.
        """
        until = time.monotonic() + (0 if rate is None else self._pace(0, rate))
        while (left := until - time.monotonic()) > 0:
            if self._retrier.wait(min(left, _NAP_SECONDS)):
                raise Stopping
            if self._must_end():
                return False
        return True

    def _pace(self, encoded: int, rate: float) -> float:
        return self._retrier.call(lambda: self._ledger.pace(encoded, rate))

    def _blame(self, point: Point, error: Exception) -> None:
        fields = ["doc_id", "ordinal", TENANT]
        found = self._retrier.call(lambda: self._indexer.index.retrieve([point.id], fields=fields))
        named = {"passage": point.id, **{name: value for each in found for name, value in each.payload.items()}}
        log.warning("passage %s can't be encoded: %s", named, error, extra=self._lease.context)
        self._letters.append(self._letter({"reindex": named}, error))

    def _finish(self, rest: Slice | None) -> None:
        left = ("", 0) if rest is None else (rest.pack(), self._lease.documents)
        counts = Counts(indexed=self._lease.documents if rest is None else 0)
        finish = self._ledger.finish
        if self._held.valid(self._retrier.call(lambda: finish(self._lease, counts, self._letters, rest=left))) and rest:
            self._announce(self._lease.id, self._lease.queue)

    def _letter(self, operation: object, error: Exception) -> str:
        return letter(operation, type(error).__name__, str(error), self._lease.arrival)
