"""The thread that keeps a worker's leases, and takes care of what other workers left."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from postings.errors import PostingsError
from postings_ingest.queue.lease import Lease
from postings_ingest.queue.ledger import Ledger
from postings_ingest.queue.status import Worker
from postings_ingest.repeats import Repeats

log = logging.getLogger(__name__)

_TICK = 1.0
_ALIVE = 10
_RATE_SECONDS = 30.0


class Keeper:
    """About once a second: looks for a hang, renews leases, gives a sign of life, and announces again what was lost.

    Args:
        ledger: of the queue.
        seconds: that a lease holds; it is renewed when a third is over.
        announce: tells the workers of a batch, by id and queue.
        describe: what to say of the worker: ``ready``, ``trouble``, ``device``.
        redelivered: called with the number of batches that were announced again.
        watch: looks for a hang.
    """

    def __init__(
        self,
        ledger: Ledger,
        seconds: float,
        announce: Callable[[str, str], Any],
        describe: Callable[[], dict[str, Any]],
        redelivered: Callable[[int], Any],
        watch: Callable[[], Any],
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._ledger = ledger
        self._seconds = seconds
        self._announce = announce
        self._describe = describe
        self._redelivered = redelivered
        self._watch = watch
        self._held: dict[str, float] = {}
        self._lock = threading.Lock()
        self._began = int(time.time() * 1000)
        self._done = 0
        self._history: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._taking = False
        self._busy_at = time.monotonic()
        self._audited = "0"
        self._repeats = Repeats(log)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="postings-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def begin(self) -> None:
        """The worker takes batches from now on: if none comes, announcements may be lost."""
        with self._lock:
            self._busy_at, self._taking = time.monotonic(), True

    def stop(self) -> None:
        """End, and say that the worker is gone."""
        self._stopped.set()
        self._thread.join()
        try:
            with self._ledger.errors():
                self._ledger.redis.srem(f"{self._ledger.prefix}:workers", self.name)
                self._ledger.redis.delete(self._key)
        except PostingsError as error:
            log.debug("%s", error)

    def hold(self, lease: Lease) -> None:
        """Renew a lease from now on."""
        with self._lock:
            self._held[lease.id] = time.monotonic() + self._seconds / 3
            self._busy_at = time.monotonic()

    def let_go(self, lease: Lease, documents: int) -> None:
        """Renew it no more; so many documents are done."""
        with self._lock:
            self._held.pop(lease.id, None)
            self._done += documents
            self._busy_at = time.monotonic()

    @property
    def _key(self) -> str:
        return f"{self._ledger.prefix}:worker:{self.name}"

    def _run(self) -> None:
        while not self._stopped.wait(min(_TICK, self._seconds / 4)):
            try:
                self._watch()
                self._renew()
                self._recover()
                self._audited = self._ledger.audit(self._audited)
                self._sign_of_life()  # the last, for a Redis that is full refuses it
            except PostingsError as error:
                self._repeats.again(type(error).__name__, "%s", error)
            except Exception as error:
                self._repeats.again(type(error).__name__, "the worker's keeper failed: %r", error, exc_info=True)
            else:
                self._repeats.all_over("leases are kept again")

    def _renew(self) -> None:
        now = time.monotonic()
        with self._lock:
            due = [id for id, at in self._held.items() if at <= now]
        self._ledger.renew(due, self._seconds)
        with self._lock:
            self._held |= {id: now + self._seconds / 3 for id in due if id in self._held}

    def _sign_of_life(self) -> None:
        now = time.monotonic()
        with self._lock:
            done, batches_in_flight = self._done, len(self._held)
        self._history.append((now, done))
        while now - self._history[0][0] > _RATE_SECONDS:
            self._history.popleft()
        since, before = self._history[0]
        worker = Worker(
            name=self.name,
            documents=done,
            documents_per_second=round((done - before) / max(now - since, _TICK), 1),
            batches_in_flight=batches_in_flight,
            started_at=self._began,
            **self._describe(),
        )
        with self._ledger.errors():
            self._ledger.redis.sadd(f"{self._ledger.prefix}:workers", self.name)
            self._ledger.redis.set(self._key, json.dumps(asdict(worker)), ex=_ALIVE)

    def _recover(self) -> None:
        with self._lock:
            held = list(self._held)
            if held or not self._taking:  # whether anything is in its way doesn't matter: others' batches may be lost
                self._busy_at = time.monotonic()
            idle = time.monotonic() - self._busy_at > self._seconds
        found = self._ledger.recover(self._seconds, idle=idle, held=held)
        for id, queue in found:
            log.info("announcing batch %s again: its worker is gone, or never heard of it", id)
            self._announce(id, queue)
        if found:
            self._redelivered(len(found))
