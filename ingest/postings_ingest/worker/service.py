"""A worker process: its model, index and ledger, and how it handles a batch."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from postings import Index, Settings, open_index
from postings.cards import Card
from postings.clock import seconds_ago
from postings.collection_models import collection_encoder
from postings.errors import IndexLocked, InvalidMessage, MissingExtra, PostingsError
from postings.index.tenants import check_unbound
from postings.words import configured
from postings.write_protocol import sweep_tombstones
from postings_ingest.indexing import Indexer
from postings_ingest.queue.celery_app import announce
from postings_ingest.queue.dead_letters import MAX_SHOWN, DeadLetters
from postings_ingest.queue.durability import warn_of_losses
from postings_ingest.queue.ledger import REINDEX, Ledger
from postings_ingest.worker.batch import BatchRun
from postings_ingest.worker.exclusive import SharedExclusiveLock
from postings_ingest.worker.heartbeat import Heartbeat
from postings_ingest.worker.retrying import Retrier, Stopping
from postings_ingest.worker.slice_run import SliceRun
from postings_ingest.worker.watchdog import Watchdog

if TYPE_CHECKING:
    from celery import Celery

log = logging.getLogger(__name__)

_LOCKED_SECONDS = 30
_SWEEP_SECONDS = 3600


class Service:
    """One worker of a collection.

    Args:
        settings: the worker's settings.
        app: the Celery application that receives its tasks.

    Raises:
        MissingExtra: prometheus-client isn't installed.
        ConfigurationError: the settings are bound to a tenant.
    """

    def __init__(self, settings: Settings, app: Celery) -> None:
        check_unbound(settings, "a worker")
        try:
            from postings_ingest.worker.metrics import Metrics
        except ImportError as error:
            raise MissingExtra("worker", "running a worker") from error
        self.settings = settings
        self._app = app
        self.ledger = Ledger(settings)
        self.dead_letters = DeadLetters(self.ledger)
        self.metrics = Metrics(self.ledger)
        self.stopping = threading.Event()
        self._retrier = Retrier(self.stopping)
        self._lock = SharedExclusiveLock()
        self._watchdog = Watchdog(settings.batch_seconds)
        self._heartbeat = Heartbeat(
            self.ledger,
            settings.visibility_timeout,
            self._announce,
            self._describe,
            redelivered=self.metrics.redeliveries.inc,
            check_hang=self._check_hang,
        )
        self._consuming = False
        self._index: Index | None = None
        self._indexer: Indexer | None = None
        self._runs: dict[int, BatchRun | SliceRun] = {}
        self._swept_at: float | None = None

    def load(self) -> None:
        """Open the index and load the model.

        Raises:
            PostingsError: an operator has to correct something: a missing model, another model's collection, a wrong
                key.
            Stopping: the worker was asked to stop while Redis or the index couldn't be reached.
        """
        self._retrier.call_at_start(lambda: warn_of_losses(self.ledger))
        self._retrier.call_at_start(self.ledger.audit)  # missing permissions in Redis show before the model is loaded
        self._heartbeat.start()
        self._index = index = self._open()
        encoder = self._retrier.call_at_start(lambda: collection_encoder(self.settings, index))
        self._retrier.call_at_start(
            lambda: index.ensure(encoder.fingerprint, encoder.location, configured(self.settings))
        )
        self._indexer = indexer = Indexer(encoder, index, self.settings)
        self.metrics.add_work(lambda: indexer.work)
        _ = encoder.window  # loads what encodes documents, where a side of its own encodes queries
        card = Card.of(encoder.device)
        if card is not None:
            self.metrics.add_card(card)
        where = card or encoder.device
        log.info(
            "loaded %s on %s in %s, collection %r", encoder.name, where, encoder.precision, self.settings.collection
        )

    def begin(self) -> None:
        """The worker takes batches from now on."""
        self._consuming = True
        self._heartbeat.begin()

    def stop(self) -> None:
        """Close everything; batches in flight have been finished or released."""
        self.stopping.set()
        self._consuming = False
        self._heartbeat.stop()
        if self._index is not None:
            self._index.close()

    @property
    def ready(self) -> bool:
        """Whether the model is loaded, and batches are taken and not being retried."""
        return self._consuming and self._indexer is not None and not self._retrier.troubles

    def handle(self, id: str) -> None:
        """Work on an announced batch, unless it is finished or leased by another worker.

        Raises:
            Stopping: the worker stops; the batch was released, or another worker will recover it.
        """
        if self._indexer is None:
            raise Stopping
        lease = self._retrier.call(lambda: self.ledger.start(id, self.settings.visibility_timeout))
        if lease is None:
            return
        self._heartbeat.add(lease)
        done = 0
        began = time.monotonic()
        try:
            with self._lock.hold(exclusive=lease.deliveries > 1):
                if not self._retrier.call(lambda: self.ledger.begin(lease)):
                    log.warning("another worker took over the batch while it waited here", extra=lease.context)
                    return
                kind = SliceRun if lease.queue == REINDEX else BatchRun
                run = kind(
                    lease, self._indexer, self.ledger, self._announce, self._retrier, self.settings.batch_seconds
                )
                self._runs[threading.get_ident()] = run
                counts = run.run()
            done = counts.done
            self.metrics.count(counts, run.indexed)
        finally:
            self._runs.pop(threading.get_ident(), None)
            self._heartbeat.remove(lease, done)
        seconds = time.monotonic() - began
        self.metrics.batch_seconds.observe(seconds)
        log.info("%d documents in %.2f s", done, seconds, extra=lease.context)
        self._sweep(self._indexer.index)

    def keep_unreadable(self, body: bytes | str, reason: str, **shown: Any) -> None:
        """Put a message that no producer of Postings sent into the dead letters, as far as it can be shown."""
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
        message = {"message": text[:MAX_SHOWN], "characters": len(text), **shown}
        why = f"the message can't be read: {reason:.500}"
        try:
            self._retrier.call(lambda: self.dead_letters.add(message, InvalidMessage.__name__, why))
        except Stopping:
            log.error("%s; Redis can't be reached and the worker stops, so only this log keeps it: %r", why, message)
        else:
            log.warning("%s: moved to the dead letters", why)

    def _sweep(self, index: Index) -> None:
        """Remove old tombstones, after the first batch and then once an hour."""
        if self._swept_at is not None and time.monotonic() - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = time.monotonic()
        try:
            sweep_tombstones(index, seconds_ago(self.settings.tombstone_retention))
        except PostingsError as error:
            log.warning("old tombstones can't be removed now: %s", error)

    def _open(self) -> Index:
        """Open the index. If it is locked, wait: a worker that was just killed may still hold the lock for a moment."""
        gives_up = time.monotonic() + _LOCKED_SECONDS
        while True:
            try:
                return self._retrier.call_at_start(lambda: open_index(self.settings))
            except IndexLocked:
                if time.monotonic() > gives_up:
                    raise
            if self.stopping.wait(0.2):
                raise Stopping

    def _announce(self, id: str, queue: str) -> bool:
        return announce(self._app, self.settings, id, queue)

    def _check_hang(self) -> None:
        """Look for batches in flight that hang; those that wait for a retry don't."""
        runs, pausing, tries = self._runs.copy(), self._retrier.pausing.copy(), self._retrier.tries.copy()
        self._watchdog.look(
            {run: (run.progress, tries[thread]) for thread, run in runs.items() if thread not in pausing}
        )

    def _describe(self) -> dict[str, Any]:
        return {
            "ready": self.ready,
            "trouble": next(iter(self._retrier.troubles.copy().values()), None),
            "device": self._indexer.encoder.device if self._indexer else "",
        }
