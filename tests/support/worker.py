"""Worker processes."""

from __future__ import annotations

import os
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path

from postings import Encoder, Settings, open_index
from postings_ingest import Ledger
from postings_ingest.queue.status import queue_status
from postings_ingest.worker.supervisor import supervise, worker_command
from tests.support.forkserver import Method, forked, settle

ROOT = Path(__file__).parents[2]


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment of a process that reads these settings, and no others of ours."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("POSTINGS_")}
    return others | settings.to_environment()


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for something that must happen."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"waited {seconds:.0f} s: {what}"
        time.sleep(0.05)


class Worker:
    """A worker in a process of its own, with the command line that users' workers have, under no supervisor.

    Args:
        settings: the worker's settings.
        log: the file that it writes to.
        faults: a folder that switches faults on: see :mod:`tests.support.faulty_app`.
        method: how its process is started.
    """

    def __init__(
        self,
        settings: Settings,
        log: Path,
        *,
        faults: Path | None = None,
        method: Method = "forkserver",
    ) -> None:
        self._settings = settings
        self.log = log
        environment = environment_of(settings)
        command = worker_command()
        if faults is not None:
            environment["POSTINGS_TEST_FAULTS"] = str(faults)
            command[command.index("postings_ingest.app")] = "tests.support.faulty_app"
        log.touch()
        self.process = forked(_run, command, log, environment=environment, method=method)

    def wait_until_ready(self) -> None:
        ledger = Ledger(self._settings)

        def ready() -> bool:
            assert self.process.is_alive(), self.log.read_text()[-3000:]
            names = f":{self.process.pid}"
            return any(each.ready and each.name.endswith(names) for each in queue_status(ledger).workers)

        until(ready, "the worker isn't ready")

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def stop(self) -> int:
        """SIGTERM, as an operator would."""
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait until it ends by itself; returns its exit status."""
        self.process.join(60)
        assert self.process.exitcode is not None, self.log.read_text()[-3000:]
        return self.process.exitcode


def _run(command: list[str], log: Path) -> None:
    """Become the program of a command line ``python -m MODULE …``."""
    settle(ROOT, log, log)
    _, _, module, *options = command
    sys.argv = [module, *options]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def run_supervisor(command: list[str]) -> None:
    """Become the supervisor of a program."""
    sys.exit(supervise(command, os.environ))


StartWorker = Callable[..., Worker]
"""The fixture ``start_worker``: starts a worker on the test's settings, or on others, with or without faults."""


def indexed(settings: Settings, encoder: Encoder) -> dict[str, str]:
    """Text by id of all documents in the index; no worker may run."""
    with open_index(settings) as index:
        heads = index.scroll(fields=["doc_id", "text"])
        return {head.payload["doc_id"]: head.payload["text"] for head in heads if "text" in head.payload}
