"""The producer: queues documents and deletes for the workers. It needs neither PyTorch nor a model."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Literal, Self

from postings import Document, Settings
from postings.errors import (
    BrokerUnavailable,
    ConfigurationError,
    InvalidDocument,
    InvalidInput,
    PostingsError,
    QueueFull,
)
from postings.index.payload import DocumentKey
from postings.index.tenants import settings_of_tenant
from postings.process import Origin
from postings_ingest.operations import Deletion, Operation
from postings_ingest.queue.celery_app import announce, check_broker
from postings_ingest.queue.durability import warn_of_losses
from postings_ingest.queue.job import Job
from postings_ingest.queue.job_ids import new_job_id
from postings_ingest.queue.ledger import BULK, INTERACTIVE
from postings_ingest.queue.messages import dump, pack, to_json
from postings_ingest.queue.open_queue import OpenQueue
from postings_ingest.tenants import Tenants
from postings_ingest.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

MAX_DOCUMENTS = 256
MAX_BYTES = 2**20
_MAX_INTERACTIVE = 16
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0


@dataclass(frozen=True, slots=True)
class _Batch:
    id: str
    payload: str
    operations: int


class Producer:
    """Queues documents and deletes; workers bring them into the collection.

    Operations are sent in batches of at most 256, or one MiB: when a batch is full, when its first operation has waited
    for ``linger`` seconds, and on :meth:`flush`. Whatever ``flush`` or the end of the ``with`` block has sent is as
    safe as Redis is: each document ends up indexed, superseded by a newer version, deleted, or in the dead letters.

    Batches of at most 16 operations overtake larger ones. Several threads may use one producer.

    Args:
        settings: the collection and its Redis; by default from the environment.
        linger: seconds that an operation waits for others before its batch is sent; ``None`` until the batch is full,
            or the producer is flushed.
        when_full: what to do when more than ``queue_limit`` operations would be queued or in flight: ``wait`` for the
            workers, or ``raise`` :class:`QueueFull`.
        timeout: seconds to keep trying if Redis can't be reached.
        tenant: the tenant that the producer is bound to, where tenants share a collection; by default the settings'.
        queue: open connections, which other producers may use, too, and their settings; by default new ones.

    Raises:
        MissingExtra: Celery or redis isn't installed.
        ConfigurationError: the settings are bound to another tenant, or don't say which field names it.

    Example::

        with Producer() as producer:
            producer.add(Document("1", "A man is eating food."))
            producer.delete("2")
        print(producer.job.wait(progress=print))
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        linger: float | None = 0.1,
        when_full: Literal["wait", "raise"] = "wait",
        timeout: float = 60,
        tenant: str | None = None,
        queue: OpenQueue | None = None,
    ) -> None:
        given = Settings.given(settings) if queue is None else queue.settings
        self._settings = settings_of_tenant(given, tenant)
        self._tenants = Tenants.of_settings(self._settings)
        self._shared = queue is not None
        queue = OpenQueue.open(self._settings) if queue is None else queue.of(self._settings)
        self._ledger, self._app = queue.ledger, queue.app
        self._linger = linger
        self._when_full = when_full
        self._timeout = timeout
        self.job = Job(self._ledger, new_job_id(self._settings.tenant))
        """Everything that this producer sends."""
        self._throttled = ThrottledLog(log)
        self._accepted = 0
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._dumped: list[str] = []
        self._keys: set[DocumentKey] = set()
        self._bytes = 0
        self._due: float | None = None
        self._sending: _Batch | None = None
        self._last = 0
        self._origin = Origin("producer", "make")
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, document: Document) -> None:
        """Queue a document.

        Raises:
            InvalidDocument: ``document`` isn't a :class:`postings.Document`; or tenants share the collection, and it
                names none, or another than the producer's.
            InvalidInput: the producer was closed.
            QueueFull: a batch is complete, the queue is full, and ``when_full`` is ``raise``; the document isn't added.
            BrokerUnavailable: a batch is complete and can't be sent; the document isn't added.
            ConfigurationError: as :meth:`flush`; the document isn't added.
        """
        if not isinstance(document, Document):
            raise InvalidDocument(f"add takes a Document, got {type(document).__name__}")
        self._add(document)

    def delete(self, id: str, version: int | None = None, *, tenant: str | None = None) -> None:
        """Queue a delete. An older version that arrives later doesn't bring the document back.

        Args:
            id: the document's id.
            version: the version of the delete; by default the time of arrival.
            tenant: whose document it is, where tenants share a collection; by default the producer's tenant.

        Raises:
            InvalidDocument: no document can have this id or version, or the tenant is missing or another.
            InvalidInput: as :meth:`add`.
            QueueFull: as :meth:`add`.
            BrokerUnavailable: as :meth:`add`.
            ConfigurationError: as :meth:`add`.
        """
        self._add(Deletion(id, version, tenant))

    def flush(self) -> Job:
        """Send what was added; returns the job, which counts everything that this producer sent.

        If something was accepted before an error, its message names the job.

        Raises:
            QueueFull: the queue is full and ``when_full`` is ``raise``; nothing is lost, flush again.
            BrokerUnavailable: Redis can't be reached; nothing is lost, flush again.
            ConfigurationError: Redis or the broker refuses us, and no retry changes that.
        """
        self._origin.check()
        with self._lock:
            self._send()
        return self.job

    def close(self) -> None:
        """Send what was added, and stop. In a forked process, nothing happens.

        Raises:
            QueueFull: as :meth:`flush`.
            BrokerUnavailable: as :meth:`flush`.
            ConfigurationError: as :meth:`flush`.
        """
        if not self._origin.here:
            return
        with self._lock:
            try:
                if not self._closed:
                    self._send()
            finally:
                self._closed = True
                self._changed.notify_all()
        if not self._shared:
            self._app.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        if kind is None:
            self.close()
            return
        # After an interrupt or an error, don't wait for Redis or for room in the queue.
        self._when_full, self._timeout = "raise", 0
        try:
            self.close()
        except PostingsError as error:
            log.warning("%d documents and deletes were not sent: %s", self.unsent, error)

    @property
    def unsent(self) -> int:
        """The number of operations that were added and not sent yet."""
        self._origin.check()
        with self._lock:
            return len(self._dumped) + (self._sending.operations if self._sending else 0)

    def _add(self, operation: Operation) -> None:
        operation = self._tenants.assigned(operation)
        key = self._tenants.key(operation)
        dumped = dump(to_json(operation))
        size = len(dumped.encode())
        self._origin.check()
        with self._lock:
            if self._closed:
                raise InvalidInput("the producer was closed: create another")
            # A batch holds one operation for each document, because it is worked on in no particular order.
            if key in self._keys or len(self._dumped) >= MAX_DOCUMENTS or self._bytes + size > MAX_BYTES:
                self._send()
            self._dumped.append(dumped)
            self._keys.add(key)
            self._bytes += size
            if self._due is None and self._linger is not None:
                self._due = time.monotonic() + self._linger
                self._wake()

    def _send(self) -> None:
        while self._sending or self._dumped:
            if self._sending is None:
                self._sending = _Batch(uuid.uuid4().hex, pack(self._dumped), len(self._dumped))
                self._dumped, self._keys, self._bytes, self._due = [], set(), 0, None
            batch = self._sending
            queue = INTERACTIVE if batch.operations <= _MAX_INTERACTIVE else BULK
            try:
                if self._settings.broker_url and not self._accepted:
                    check_broker(self._app, self._settings)
                self._register(batch, queue)
                self._sending = None
                announce(self._app, self._settings, batch.id, queue)
            except PostingsError as error:
                self._due = None
                if self._linger is not None and not self._closed and self.unsent:  # it is sent later all the same
                    self._due = time.monotonic() + _LONGEST_PAUSE
                    self._wake()
                if not self._accepted:
                    raise
                kind = ConfigurationError if isinstance(error, ConfigurationError) else type(error)
                raise kind(
                    f"{error}; {self._accepted:,} documents and deletes were accepted, as job {self.job.id}"
                ) from error
        self._due = None

    def _register(self, batch: _Batch, queue: str) -> None:
        pause, began = _FIRST_PAUSE, time.monotonic()
        while True:
            try:
                warn_of_losses(self._ledger)
                self._last = self._ledger.register(
                    batch.id, batch.payload, batch.operations, self.job.id, queue, self._last
                )
                break
            except QueueFull:
                if self._when_full == "raise":
                    raise
                began = time.monotonic()
            except BrokerUnavailable as error:
                # Read it each time: a `with` block that fails sets it to 0.
                if time.monotonic() - began > self._timeout:
                    raise
                self._throttled.warn("away", "retrying to queue %d documents and deletes: %s", batch.operations, error)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self._accepted += batch.operations
        self._throttled.recovered("away", "%s accepts documents again", self._ledger.address)

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._linger_on, name="postings-producer", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _linger_on(self) -> None:
        """Send batches whose first operation has waited for ``linger`` seconds."""
        with self._lock:
            while not self._closed:
                if self._due is None:
                    self._changed.wait()
                elif (left := self._due - time.monotonic()) > 0:
                    self._changed.wait(left)
                else:
                    try:
                        self._send()
                        self._throttled.recovered("late", "the documents and deletes that waited were sent")
                    except PostingsError as error:
                        self._throttled.warn("late", "%d documents and deletes wait to be sent: %s", self.unsent, error)
