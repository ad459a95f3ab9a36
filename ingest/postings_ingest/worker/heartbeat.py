"""The thread that renews a worker's leases, sends its heartbeats, and recovers batches of other workers."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from postings.errors import PostingsError
from postings_ingest.queue.lease import Lease
from postings_ingest.queue.ledger import Ledger
from postings_ingest.queue.workers import Worker
from postings_ingest.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

_INTERVAL = 1.0
_RATE_SECONDS = 30.0


class Heartbeat:
    """Once a second: looks for a hang, renews leases, announces lost batches again, and sends a heartbeat.

    Args:
        ledger: the collection's ledger.
        seconds: how long a lease lasts; it is renewed after a third of that.
        announce: announces a batch, given its id and queue.
        describe: gives the worker's ``ready``, ``trouble`` and ``device``.
        redelivered: called with the number of batches that were announced again.
        check_hang: looks for a hang.
    """

    def __init__(
        self,
        ledger: Ledger,
        seconds: float,
        announce: Callable[[str, str], Any],
        describe: Callable[[], dict[str, Any]],
        redelivered: Callable[[int], Any],
        check_hang: Callable[[], Any],
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._ledger = ledger
        self._seconds = seconds
        self._announce = announce
        self._describe = describe
        self._redelivered = redelivered
        self._check_hang = check_hang
        self._renew_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._started_at = int(time.time() * 1000)
        self._done = 0
        self._history: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._consuming = False
        self._busy_at = time.monotonic()
        self._cursor = "0"
        self._throttled = ThrottledLog(log)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="postings-heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def begin(self) -> None:
        """The worker takes batches from now on: if none arrives, announcements may be lost."""
        with self._lock:
            self._busy_at, self._consuming = time.monotonic(), True

    def stop(self) -> None:
        """End the thread, and remove the worker from the list of those alive."""
        self._stopped.set()
        self._thread.join()
        try:
            self._ledger.workers.remove(self.name)
        except PostingsError as error:
            log.debug("%s", error)

    def add(self, lease: Lease) -> None:
        """Renew a lease from now on."""
        with self._lock:
            self._renew_at[lease.id] = time.monotonic() + self._seconds / 3
            self._busy_at = time.monotonic()

    def remove(self, lease: Lease, documents: int) -> None:
        """Renew a lease no more; ``documents`` of its batch are done."""
        with self._lock:
            self._renew_at.pop(lease.id, None)
            self._done += documents
            self._busy_at = time.monotonic()

    def _run(self) -> None:
        while not self._stopped.wait(min(_INTERVAL, self._seconds / 4)):
            try:
                self._check_hang()
                self._renew()
                self._recover()
                self._cursor = self._ledger.audit(self._cursor)
                self._send()  # last, because a full Redis refuses it
            except PostingsError as error:
                self._throttled.warn(type(error).__name__, "%s", error)
            except Exception as error:
                self._throttled.warn(type(error).__name__, "the worker's heartbeat failed: %r", error, exc_info=True)
            else:
                self._throttled.all_recovered("leases are renewed again")

    def _renew(self) -> None:
        now = time.monotonic()
        with self._lock:
            due = [id for id, at in self._renew_at.items() if at <= now]
        self._ledger.renew(due, self._seconds)
        with self._lock:
            self._renew_at |= {id: now + self._seconds / 3 for id in due if id in self._renew_at}

    def _send(self) -> None:
        now = time.monotonic()
        with self._lock:
            done, batches_in_flight = self._done, len(self._renew_at)
        self._history.append((now, done))
        while now - self._history[0][0] > _RATE_SECONDS:
            self._history.popleft()
        since, before = self._history[0]
        worker = Worker(
            name=self.name,
            documents=done,
            documents_per_second=round((done - before) / max(now - since, _INTERVAL), 1),
            batches_in_flight=batches_in_flight,
            started_at=self._started_at,
            **self._describe(),
        )
        self._ledger.workers.heartbeat(worker)

    def _recover(self) -> None:
        with self._lock:
            in_flight = list(self._renew_at)
            if in_flight or not self._consuming:  # a worker that can't work still recovers the batches of others
                self._busy_at = time.monotonic()
            idle = time.monotonic() - self._busy_at > self._seconds
        found = self._ledger.recover(self._seconds, idle=idle, in_flight=in_flight)
        for id, queue in found:
            log.info("announcing batch %s again: its worker is gone, or its announcement was lost", id)
            self._announce(id, queue)
        if found:
            self._redelivered(len(found))
