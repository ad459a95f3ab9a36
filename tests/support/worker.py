"""Worker processes."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from postings import Encoder, Settings, open_index
from postings_ingest import Ledger
from postings_ingest.queue.status import queue_status
from postings_ingest.worker.supervisor import worker_command

ROOT = Path(__file__).parents[2]

IMPORTED = [
    *("celery.bin.celery", "celery.apps.worker", "celery.concurrency.thread", "kombu.transport.redis"),
    *("postings_ingest.worker.service", "postings_ingest.worker.consumer", "postings_ingest.worker.metrics"),
    *("postings.encoder.routes.onnx_splade", "postings.index.embedded", "postings.index.server"),
]
"""What a worker imports, but for the modules that read its settings."""


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
        method: ``forkserver`` forks it from a process that has done the imports, which take most of a worker's start;
            ``spawn`` starts a new interpreter.
    """

    def __init__(
        self,
        settings: Settings,
        log: Path,
        *,
        faults: Path | None = None,
        method: Literal["forkserver", "spawn"] = "forkserver",
    ) -> None:
        self._settings = settings
        self.log = log
        environment = environment_of(settings)
        command = worker_command()
        if faults is not None:
            environment["POSTINGS_TEST_FAULTS"] = str(faults)
            command[command.index("postings_ingest.app")] = "tests.support.faulty_app"
        log.touch()
        context = multiprocessing.get_context(method)
        context.set_forkserver_preload(["__main__", *IMPORTED])
        self.process = context.Process(target=_run, args=(command, environment, log), daemon=True)
        self.process.start()

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


def _run(command: list[str], environment: dict[str, str], log: Path) -> None:
    """Become the program of a command line ``python -m MODULE …``."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    with log.open("a") as output:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(output.fileno(), stream.fileno())
    _, _, module, *options = command
    sys.argv = [module, *options]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


StartWorker = Callable[..., Worker]
"""The fixture ``start_worker``: starts a worker on the test's settings, or on others, with or without faults."""


def indexed(settings: Settings, encoder: Encoder) -> dict[str, str]:
    """Text by id of all documents in the index; no worker may run."""
    with open_index(settings) as index:
        heads = index.scroll(fields=["doc_id", "text"])
        return {head.payload["doc_id"]: head.payload["text"] for head in heads if "text" in head.payload}
