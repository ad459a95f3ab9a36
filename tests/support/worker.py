"""Worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from postings import Encoder, Settings, open_index
from postings_ingest import Ledger
from postings_ingest.queue.status import queue_status

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
    """A worker in a process of its own, under no supervisor; ``faults`` is a folder that switches faults on."""

    def __init__(self, settings: Settings, log: Path, *, faults: Path | None = None) -> None:
        app = "postings_ingest.app" if faults is None else "tests.support.faulty_app"
        environment = environment_of(settings) | ({} if faults is None else {"POSTINGS_TEST_FAULTS": str(faults)})
        self._settings = settings
        self.log = log
        command = [sys.executable, "-m", "celery", "-A", app, "worker"]
        with log.open("a") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)

    def wait_until_ready(self) -> None:
        ledger = Ledger(self._settings)

        def ready() -> bool:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            names = f":{self.process.pid}"
            return any(each.ready and each.name.endswith(names) for each in queue_status(ledger).workers)

        until(ready, "the worker isn't ready")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, as an operator would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


StartWorker = Callable[..., Worker]
"""The fixture ``start_worker``: starts a worker on the test's settings, or on others, with or without faults."""


def indexed(settings: Settings, encoder: Encoder) -> dict[str, str]:
    """Text by id of all documents in the index; no worker may run."""
    with open_index(settings) as index:
        heads = index.scroll(fields=["doc_id", "text"])
        return {head.payload["doc_id"]: head.payload["text"] for head in heads if "text" in head.payload}
