"""The workers of a service whose index is a folder: processes that work on it through this one."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from postings.errors import PostingsError
from postings_ingest.queue.pending import pending_collections
from postings_ingest.queue.redis_client import RedisClient
from postings_ingest.throttled_log import ThrottledLog
from postings_ingest.worker.supervisor import Supervisor, worker_command

if TYPE_CHECKING:
    from postings import Settings

log = logging.getLogger(__name__)

LIMIT = 4
"""Workers at most: each takes 220 MB, and more wouldn't encode faster, as one can keep all cores busy."""

IDLE_SECONDS = 60.0
"""A worker whose collection has had nothing in the queue for this long is stopped; to start one takes seconds."""

_RETRY_SECONDS = 30.0
_LOOK_SECONDS = 2.0
_PAUSE_SECONDS = 0.25


@dataclass(eq=False, slots=True)
class _Worker:
    supervisor: Supervisor
    thread: threading.Thread
    started_at: float = field(default_factory=time.monotonic)
    busy_at: float = field(default_factory=time.monotonic)


class Workers:
    """A worker for each collection with documents in the queue, for a few at once; the others wait their turn.

    A worker is a process of its own, so that its encoding doesn't hold up searches, and a document that crashes it
    leaves the service alone. If it is killed, it is started again. That of the default collection always runs; any
    other makes room when its collection has had nothing in the queue for a while.

    Args:
        settings: of the service; its index must be served to other processes already.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = RedisClient(settings)
        self._workers: dict[str, _Worker] = {}
        self._waiting: list[str] = []  # in the order in which they came
        self._stopping = threading.Event()
        self._asked = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="workers", daemon=True)

    def __enter__(self) -> Self:
        """Start the worker of the default collection, and from now on those that the queue needs."""
        self._start(self._settings.collection)
        self._keeper.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Let all workers finish the batches in flight; the queue keeps what they haven't begun."""
        self._stopping.set()
        self._asked.set()
        self._keeper.join()
        for worker in self._workers.values():
            worker.supervisor.stop()
        for worker in self._workers.values():
            worker.thread.join()

    def need(self, collection: str) -> None:
        """Documents were queued for a collection: look into the queue soon, unless it has a worker."""
        if collection not in self._alive():
            self._asked.set()

    def kill(self) -> None:
        """End all workers at once; the queue gives their batches to the next. A signal handler may call it."""
        self._stopping.set()
        for worker in self._workers.copy().values():
            worker.supervisor.stop()
            worker.supervisor.stop()

    def _keep(self) -> None:
        """Start and stop workers as the queue needs them; the only thread that does."""
        throttled = ThrottledLog(log)
        while not self._stopping.is_set():
            self._asked.clear()
            try:
                pending = pending_collections(self._settings, self._redis)
            except PostingsError as error:
                throttled.warn("queue", "no worker can be started or stopped now: %s", error)
            else:
                throttled.recovered("queue", "the queue answers again")
                self._stop_idle(pending)
                self._start_waiting(pending)
            self._stopping.wait(_PAUSE_SECONDS)
            self._asked.wait(_LOOK_SECONDS)

    def _stop_idle(self, pending: Collection[str]) -> None:
        now = time.monotonic()
        for name, worker in self._workers.items():
            if name in pending or name == self._settings.collection:
                worker.busy_at = now
            elif now - worker.busy_at > IDLE_SECONDS:
                worker.supervisor.stop()
                worker.busy_at = now  # the next call would kill it

    def _start_waiting(self, pending: Collection[str]) -> None:
        alive = self._alive()
        wanted = [name for name in dict.fromkeys([*self._waiting, *pending]) if name in pending and name not in alive]
        # One that ended by itself, for a model that is missing for example, isn't tried again at once.
        recent = {
            name for name, worker in self._workers.items() if time.monotonic() - worker.started_at < _RETRY_SECONDS
        }
        chosen = [name for name in wanted if name not in recent][: max(0, LIMIT - len(alive))]
        self._waiting = [name for name in wanted if name not in chosen]
        for name in chosen:
            self._start(name)

    def _start(self, collection: str) -> None:
        settings = self._settings.of_collection(collection)
        environment = {**os.environ, **settings.to_environment(), "POSTINGS_COLLECTION": collection}
        supervisor = Supervisor(worker_command(events=settings.worker_events), environment)
        thread = threading.Thread(target=supervisor.run, name=f"worker-{collection}", daemon=True)
        self._workers[collection] = _Worker(supervisor, thread)
        thread.start()

    def _alive(self) -> set[str]:
        return {name for name, worker in self._workers.copy().items() if worker.thread.is_alive()}
