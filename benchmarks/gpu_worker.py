"""Does a worker keep the card busy? A part of :mod:`benchmarks.gpu`.

Documents go through a broker to one worker process, and to two on the same card; against encoding them, with their
evidence, in one process that does nothing else.
"""

from __future__ import annotations

import gc
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import torch
from pydantic import SecretStr

from benchmarks.gpu_run import Run, loaded, run_part, texts_of
from benchmarks.shapes import model_folder
from postings import Document, Encoder, Settings
from postings.index.proxy import IndexServer, OpenIndexes
from postings_ingest import Ledger, Producer
from postings_ingest.queue.status import queue_status
from postings_ingest.worker.embedded_broker import EmbeddedBroker
from postings_ingest.worker.supervisor import worker_command

TOKENS, DOCUMENTS, DRY_DOCUMENTS = 256, 8000, 40
PRECISION = "bfloat16"
SHARE = 0.95
_START = 120.0  # seconds
_LOOK = 0.25


class Worker:
    """A worker process, as ``postings worker`` starts it, and its metrics."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings = settings
        self.port = free_port()
        environment = os.environ | settings.model_copy(update={"worker_port": self.port}).to_environment()
        environment["POSTINGS_WORKER_PORT"] = str(self.port)
        self._log = log
        with log.open("w") as out:
            self._process = subprocess.Popen(worker_command(), env=environment, stdout=out, stderr=subprocess.STDOUT)

    def wait_until_ready(self) -> None:
        ledger, ends = Ledger(self._settings), time.monotonic() + _START
        while not any(
            each.ready and each.name.endswith(f":{self._process.pid}") for each in queue_status(ledger).workers
        ):
            if self._process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"the worker isn't ready: {self._log.read_text()[-1000:]}")
            time.sleep(_LOOK / 5)

    def metric(self, name: str) -> float | None:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            found = re.search(rf"^postings_{name}(?:{{.*}})? (\S+)$", answer.read().decode(), re.MULTILINE)
        return None if found is None else float(found[1])

    def said(self) -> str:
        """What it says of its model and card."""
        return next(
            (line.partition("INFO ")[2] for line in self._log.read_text().splitlines() if "loaded " in line), ""
        )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def sampled(worker: Worker) -> Iterator[list[float]]:
    """How busy the driver says the card is, while a block runs; empty where nothing tells."""
    found: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK):
            if (busy := worker.metric("card_utilization")) is not None:
                found.append(busy)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def bare(run: Run, folder: Path, texts: Sequence[str]) -> float:
    """Documents a second that one process encodes."""
    encoder = Encoder.load(folder, run.device, "torch", PRECISION)
    return len(texts) / run.seconds(lambda: encoder.encode_for_storage(texts), 0)


def queued(settings: Settings, texts: Sequence[str], count: int, logs: Path) -> dict[str, Any]:
    """Documents a second through the queue and some workers, and how busy the card was."""
    with ExitStack() as stack:
        workers = []
        for number in range(count):
            workers.append(Worker(settings, logs / f"{settings.collection}-{number}.log"))
            stack.callback(workers[-1].stop)
        for worker in workers:
            worker.wait_until_ready()
        send(settings, [f"warm-up {text}" for text in texts[: 64 * count]], "warm-up")
        before = [worker.metric("encode_seconds_total") or 0.0 for worker in workers]
        with sampled(workers[0]) as busy:
            seconds = send(settings, texts, "measured")
        passes = sum((worker.metric("encode_seconds_total") or 0.0) for worker in workers) - sum(before)
        return {
            "rate": len(texts) / seconds,
            "passes": passes / seconds,
            "busy": mean(busy) if busy else None,
            "MiB": (workers[0].metric("card_memory_used_bytes") or 0) / 2**20 or None,
            "said": workers[0].said(),
        }


def send(settings: Settings, texts: Sequence[str], name: str) -> float:
    """Seconds from the first document that is added to the last that is indexed."""
    began = time.perf_counter()
    with Producer(settings) as producer:
        for number, text in enumerate(texts):
            producer.add(Document(f"{name}-{number}", text))
    counts = producer.job.wait(600)
    if counts.failed or counts.indexed != len(texts):
        raise RuntimeError(f"expected {len(texts)} indexed documents, got {counts}")
    return time.perf_counter() - began


def measure(run: Run) -> None:
    with TemporaryDirectory() as temporary:
        folder = model_folder("tiny" if run.dry else "BERT-base", Path(temporary))
        count = DRY_DOCUMENTS if run.dry else DOCUMENTS
        texts = texts_of(loaded(folder, "cpu", "float32"), count, 16 if run.dry else TOKENS)
        alone = bare(run, folder, texts)
        run.results.row("The queue", what="bare encoding", documents_a_second=alone)
        gc.collect()
        if not run.dry:
            torch.cuda.empty_cache()  # what the encoder held, for the workers
        index = Path(temporary) / "index"
        with EmbeddedBroker(Settings(index_url=str(index))) as broker:
            for workers in (1,) if run.dry else (1, 2):
                settings = Settings(
                    redis_url=SecretStr(broker.url),
                    index_url=str(index),
                    collection=f"workers-{workers}",
                    model=str(folder),
                    device=run.device,
                    backend="torch",
                    precision=PRECISION,
                )
                with ExitStack() as stack:
                    if workers > 1 or run.dry:  # this process writes for both, as `postings serve` does
                        stack.enter_context(IndexServer(stack.enter_context(OpenIndexes(index))))
                    found = queued(settings, texts, workers, Path(temporary))
                run.results.row(
                    "The queue",
                    what=f"{workers} worker{'s' * (workers > 1)}",
                    documents_a_second=found["rate"],
                    of_bare_encoding=f"{found['rate'] / alone:.0%}",
                    time_in_passes=f"{found['passes']:.0%}",
                    card_busy=None if found["busy"] is None else f"{found['busy']:.0%}",
                    card_MiB=found["MiB"],
                )
                if workers == 1:
                    share = found["rate"] / alone
                    run.results.goal("worker", f"{share:.0%}", reached=share >= SHARE)
                    run.results.note(f"The worker says: `{found['said']}`.")


if __name__ == "__main__":
    run_part("worker", measure)
