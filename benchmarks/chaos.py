"""Does the queue lose, double or age anything while workers, Redis and the index fail?

    python -m benchmarks.chaos [--documents 20000] [--kills 20] [--redis-kills 3] [--outages 3] [--workers 1] [--seed 0]

Queues updates and deletes of many documents, several revisions of one in flight at once, while at random moments a
worker is killed, Redis is killed and started again, and the index can't be reached. Then compares every document in
the index with an in-order replay. Writes ``benchmarks/results/chaos.md``; exit status 1 if anything differs.

With ``--index-url`` a Qdrant server holds the index. Several workers without one share the embedded engine behind the
tests' REST front, which is killed too.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from pydantic import SecretStr
from tests.support.forkserver import Method
from tests.support.qdrant_server import QdrantServer
from tests.support.redis_server import RedisServer, server_binary
from tests.support.worker import Worker

from benchmarks.chaos_replay import Plan, operations, replayed
from postings import Document, PostingsError, Settings, open_index
from postings_ingest import Counts, Producer

ROOT = Path(__file__).parents[1]
LEASE = 5
PATIENCE = 300


@dataclass(slots=True)
class Outcome:
    """What a run showed."""

    counts: Counts
    lost: list[str] = field(default_factory=list)
    risen: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    recoveries: list[tuple[str, float]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        wrong = self.lost + self.risen + self.stale + self.duplicated
        return not wrong and self.counts.done == self.counts.submitted and not self.counts.failed


class Chaos:
    """One run; ``method`` says how workers are started."""

    def __init__(self, plan: Plan, folder: Path, method: Method = "spawn") -> None:
        binary = server_binary()
        self._plan = plan
        self._folder = folder
        self._method = method
        (folder / "redis").mkdir()
        self._redis = RedisServer(folder / "redis", binary)
        self._faults = folder / "faults"
        self._faults.mkdir()
        self._settings = Settings(
            redis_url=SecretStr(self._redis.url),
            collection=f"chaos-{uuid.uuid4().hex[:8]}",
            index_url=plan.index_url or str(folder / "index"),
            visibility_timeout=LEASE,
            queue_limit=4000,
            passage_tokens=32,
            passage_overlap=4,
        )
        self._workers: list[Worker] = []
        self._server: QdrantServer | None = None
        if plan.workers > 1 and plan.index_url is None:
            (folder / "qdrant").mkdir()
            self._server = QdrantServer(folder / "qdrant")
            self._settings = self._settings.model_copy(update={"index_url": self._server.url, "index_timeout": 10})
            self._settings.model_fields_set.add("index_timeout")

    def run(self) -> Outcome:
        self._redis.start()
        if self._server is not None:
            self._server.start()
        began = time.monotonic()
        producer = Producer(self._settings, linger=0.02, timeout=120)
        try:
            for _ in range(self._plan.workers):
                self._start_worker()
            feeding = threading.Thread(target=self._feed, args=(producer,))
            feeding.start()
            recoveries = [(kind, self._strike(producer, at, kind)) for at, kind in self._plan.faults()]
            feeding.join()
            counts = producer.job.wait(PATIENCE)
            seconds = time.monotonic() - began
            for worker in self._workers:
                worker.stop()
            return self._compare(Outcome(counts, recoveries=recoveries, seconds=seconds))
        finally:
            for worker in self._workers:
                worker.kill()
            self._redis.kill()
            if self._server is not None:
                self._server.kill()

    def _feed(self, producer: Producer) -> None:
        with producer:
            for operation in operations(self._plan):
                if isinstance(operation, Document):
                    producer.add(operation)
                else:
                    producer.delete(operation.id, operation.version)

    def _start_worker(self) -> None:
        worker = Worker(self._settings, self._folder / "worker.log", faults=self._faults, method=self._method)
        self._workers.append(worker)

    def _strike(self, producer: Producer, at: int, kind: str) -> float:
        """Let a fault happen when so many documents are done; returns the seconds until the next ones are."""
        self._done(producer, at)
        if kind == "worker":
            victim = self._workers.pop(0)
            victim.kill()
            self._start_worker()
        elif kind == "redis":
            self._redis.kill()
            time.sleep(1)
            self._redis.start()
        elif self._server is not None:
            self._server.kill()
            time.sleep(2)
            self._server.start()
        else:
            (self._faults / "index").touch()
            time.sleep(2)
            (self._faults / "index").unlink()
        struck = time.monotonic()
        self._done(producer, self._count(producer) + 1)
        seconds = time.monotonic() - struck
        print(f"{kind} failed after {at:,} documents: {seconds:.1f} s to recover", file=sys.stderr)
        return seconds

    def _done(self, producer: Producer, number: int) -> None:
        ends = time.monotonic() + PATIENCE
        while self._count(producer) < min(number, self._plan.documents):
            if time.monotonic() > ends:
                raise SystemExit(f"nothing happened for {PATIENCE} s: see {self._folder}")
            time.sleep(0.05)

    def _count(self, producer: Producer) -> int:
        try:
            return producer.job.progress().done
        except PostingsError:
            return 0

    def _compare(self, outcome: Outcome) -> Outcome:
        expected = replayed(self._plan)
        parts: dict[str, list[dict[str, object]]] = defaultdict(list)
        with open_index(self._settings) as index:
            for point in index.scroll():
                parts[str(point.payload["doc_id"])].append(dict(point.payload))
        for id, texts in expected.items():
            heads = [part for part in parts[id] if part["ordinal"] == 0]
            alive = [part for part in parts[id] if "deleted_at" not in part]
            if not alive:
                outcome.lost += [] if "" in texts else [id]
                continue
            if texts == {""}:
                outcome.risen.append(id)
            elif len(heads) != 1 or len(parts[id]) != heads[0]["passages"]:
                outcome.duplicated.append(id)
            elif len({part["version"] for part in alive}) > 1 or not any(
                text.startswith(str(heads[0]["text"])) for text in texts if text
            ):
                outcome.stale.append(id)
        outcome.duplicated += [id for id in parts if id not in expected]
        return outcome


def page(plan: Plan, outcome: Outcome, arguments: list[str]) -> str:
    kinds = {
        "worker": "SIGKILL of a worker",
        "redis": "SIGKILL of Redis, started a second later",
        "index": "index away for 2 s"
        if plan.workers == 1 or plan.index_url
        else "SIGKILL of the index, started 2 s later",
    }
    rows = []
    for kind, what in kinds.items():
        seconds = [took for each, took in outcome.recoveries if each == kind]
        if seconds:
            rows.append(f"| {what} | {len(seconds)} | {median(seconds):.1f} s | {max(seconds):.1f} s |")
    counts = outcome.counts
    return "\n".join(
        [
            "# Chaos",
            "",
            f"`{' '.join(['python -m benchmarks.chaos', *arguments])}` on {os.cpu_count()} CPU cores; "
            f"{plan.workers} worker(s) of two threads, leases of {LEASE} s, append-only file, `appendfsync always`.",
            "",
            f"{counts.submitted:,} operations on documents in {outcome.seconds:.0f} s: {counts.indexed:,} indexed, "
            f"{counts.deleted:,} deleted, {counts.superseded:,} superseded, {counts.failed:,} failed; "
            f"counted {counts.done:,}.",
            "",
            f"Against an in-order replay: **{len(outcome.lost)} lost, {len(outcome.duplicated)} duplicated, "
            f"{len(outcome.stale)} stale, {len(outcome.risen)} risen from their delete**.",
            "",
            "| fault | times | until the next document is done: median | longest |",
            "|---|--:|--:|--:|",
            *rows,
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=(__doc__ or "").partition("\n")[0])
    for name in ("documents", "kills", "redis_kills", "outages", "workers", "seed"):
        default = getattr(Plan(), name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default, help=f"default: {default}")
    parser.add_argument("--index-url", help="of a Qdrant server; by default the engine runs in the worker")
    plan = Plan(**vars(parser.parse_args()))
    with TemporaryDirectory() as folder:
        outcome = Chaos(plan, Path(folder)).run()
    text = page(plan, outcome, sys.argv[1:])
    print(text)
    name = "chaos.md" if plan.workers == 1 else "chaos_workers.md"
    (ROOT / "benchmarks" / "results" / name).write_text(text, encoding="utf-8")
    return int(not outcome.clean)


if __name__ == "__main__":
    sys.exit(main())
