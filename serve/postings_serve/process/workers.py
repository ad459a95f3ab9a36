"""The workers of a service whose index is a folder: processes that work on it through this one."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from postings_ingest.worker.supervisor import Supervisor, worker_command

if TYPE_CHECKING:
    from postings import Settings


class Workers:
    """One worker for each collection that needs one.

    A worker is a process of its own, so that its encoding doesn't hold up searches, and a document that crashes it
    leaves the service alone. If it is killed, it is started again.

    Args:
        settings: of the service; its index must be served to other processes already.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._running: dict[str, tuple[Supervisor, threading.Thread]] = {}
        self._stopping = False

    def need(self, collection: str) -> None:
        """Start a worker for a collection, unless it has one."""
        with self._lock:
            held = self._running.get(collection)
            if self._stopping or (held is not None and held[1].is_alive()):
                return
            settings = self._settings.of_collection(collection)
            environment = {**os.environ, **settings.to_environment(), "POSTINGS_COLLECTION": collection}
            supervisor = Supervisor(worker_command(events=settings.worker_events), environment)
            thread = threading.Thread(target=supervisor.run, name=f"worker-{collection}", daemon=True)
            self._running[collection] = supervisor, thread
            thread.start()

    def stop(self) -> None:
        """Let all workers finish the batches in flight; the queue keeps what they haven't begun."""
        with self._lock:
            self._stopping = True
        for supervisor, _ in self._running.values():
            supervisor.stop()
        for _, thread in self._running.values():
            thread.join()

    def kill(self) -> None:
        """End all workers at once; the queue gives their batches to the next. A signal handler may call it."""
        for supervisor, _ in self._running.copy().values():
            supervisor.stop()
            supervisor.stop()
