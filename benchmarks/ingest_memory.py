"""Does memory grow while documents pass? Producer, Redis and worker, by the number of documents sent.

    python -m benchmarks.ingest_memory [--documents 100000] [--data DIR]

Real abstracts of mixed lengths, at most a tenth of them queued or in flight at once. Counted is what each process holds
for itself: the index's files, which the system maps into the worker, are taken back when memory is needed. Writes
``benchmarks/results/ingest_memory.md``; exit status 1 if a process holds more than a quarter more at the end than after
three tenths, when two were done.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from tests.support.redis_server import RedisServer, server_binary

from benchmarks.data import BEIR, ROOT, present
from benchmarks.ingest import running, settings_of
from benchmarks.memory import abstracts
from postings import Document
from postings_ingest import Producer

IDS = 5000
WARM = 2  # rows
GROWTH = 1.25


def resident(*pids: int) -> list[float]:
    held = [psutil.Process(pid).memory_info() for pid in pids]
    return [(each.rss - each.shared) / 2**20 for each in held]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ingest_memory", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    arguments = parser.parse_args()
    texts = abstracts(present(arguments.data))
    rows: list[tuple[int, list[float]]] = []
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "redis").mkdir()
        redis = RedisServer(folder / "redis", server_binary())
        redis.start()
        limit = arguments.documents // 10
        settings = settings_of(redis, folder, limit=limit)
        began = time.monotonic()
        try:
            with running(settings, folder) as worker, Producer(settings) as producer:
                pids = (os.getpid(), worker.process.pid, redis.pid)
                for number in range(1, arguments.documents + 1):
                    producer.add(Document(f"{number % IDS}", texts[number % len(texts)]))
                    if number % (arguments.documents // 10) == 0:
                        rows.append((number, resident(*pids)))
                        print(
                            f"{number:,} sent: " + ", ".join(f"{each:.0f} MiB" for each in rows[-1][1]), file=sys.stderr
                        )
                producer.flush().wait()
                rows.append((arguments.documents, resident(*pids)))
        finally:
            redis.kill()
        seconds = time.monotonic() - began
    command = " ".join(["python -m benchmarks.ingest_memory", *sys.argv[1:]])
    lines = [
        "# Memory while documents pass",
        "",
        f"`{command}`: real abstracts, at most {limit:,} of them queued or in flight, {seconds:.0f} s.",
        "",
        "| sent | producer MiB | worker MiB | Redis MiB |",
        "|--:|--:|--:|--:|",
        *(f"| {sent:,} | " + " | ".join(f"{each:.0f}" for each in held) + " |" for sent, held in rows),
        "",
    ]
    (ROOT / "benchmarks" / "results" / "ingest_memory.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))
    return int(any(last > GROWTH * first for first, last in zip(rows[WARM][1], rows[-1][1], strict=True)))


if __name__ == "__main__":
    sys.exit(main())
