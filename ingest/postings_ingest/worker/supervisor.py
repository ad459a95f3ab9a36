"""Restarts a worker that a document or the system has killed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

log = logging.getLogger(__name__)

PARENT = "POSTINGS_WORKER_PARENT"
"""The variable with the id of the process that a worker must not outlive."""
_LONGEST_PAUSE = 30.0
_HEALTHY_SECONDS = 60.0


class Supervisor:
    """Runs a worker until it ends by itself.

    It is restarted if a signal killed it, if its model broke, or if it failed after more than a minute.

    Args:
        command: the worker's command line.
        environment: its environment variables.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """Let the worker finish the batches in flight; a second call ends it at once."""
        child = self._child
        if child is not None and child.poll() is None:
            child.send_signal(signal.SIGKILL if self._stopping.is_set() else signal.SIGTERM)
        self._stopping.set()

    def run(self) -> int:
        """Run the worker until it ends; returns its exit status."""
        pause = 1.0
        while True:
            began = time.monotonic()
            # In a session of its own, so that Ctrl-C reaches it only through us.
            self._child = child = subprocess.Popen(  # noqa: S603
                self._command, env={**self._environment, PARENT: str(os.getpid())}, start_new_session=True
            )
            if self._stopping.is_set():  # it was to stop while it was being started
                child.terminate()
            status = child.wait()
            healthy = time.monotonic() - began > _HEALTHY_SECONDS
            # A worker that can't start says why, and a restart wouldn't help.
            if self._stopping.is_set() or not status or (status > 0 and status != os.EX_TEMPFAIL and not healthy):
                return max(status, 0)
            if healthy:
                pause = 1.0
            how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
            log.error("the worker %s: restarting it in %.0f s", how, pause)
            if self._stopping.wait(pause):
                return 0
            pause = min(2 * pause, _LONGEST_PAUSE)


def supervise(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a worker in the foreground, see :class:`Supervisor`; returns its exit status.

    After SIGTERM, SIGINT or SIGHUP, the worker finishes the batches in flight. A second signal ends it at once.
    """
    supervisor = Supervisor(command, environment)

    def stop(*_: object) -> None:
        supervisor.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        return supervisor.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with_parent() -> None:
    """End this process when its supervisor is killed: otherwise a new supervisor would start a second worker."""
    parent = int(os.environ.get(PARENT, "0"))
    if parent:
        threading.Thread(target=_end_without_parent, args=(parent,), name="postings-parent", daemon=True).start()


def _end_without_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def worker_command(*options: str, events: bool = False) -> list[str]:
    """The command line of a worker; with ``events``, it sends the events that Celery's monitors such as Flower show."""
    celery = [sys.executable, "-m", "celery", "--quiet", "--app", "postings_ingest.app", "worker"]
    quiet = ["--task-events"] if events else ["--without-heartbeat"]
    return [*celery, "--without-gossip", "--without-mingle", *quiet, *options]
