"""What does the queue cost? Documents a second through Redis and one worker against encoding and writing alone.

    python -m benchmarks.ingest [--documents 2000] [--repeats 3] [--data DIR]

Both take turns on the same documents. Also: what a producer sends in a second when nobody waits, how long one document
takes to be accepted. Writes ``benchmarks/results/ingest.md``; exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from pydantic import SecretStr
from tests.support.redis_server import RedisServer, server_binary
from tests.support.worker import Worker

from benchmarks.data import BEIR, ROOT, present
from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline, Producer

SMALL = 100_000
SINGLES = 1000
WANTED_SHARE, WANTED_RATE, WANTED_MILLISECONDS = 0.9, 20_000, 5


@contextmanager
def running(settings: Settings, folder: Path) -> Iterator[Worker]:
    worker = Worker(settings, folder / "worker.log", method="spawn")
    worker.wait_until_ready()
    try:
        yield worker
    finally:
        worker.stop()


def settings_of(redis: RedisServer, folder: Path, limit: int = 100_000) -> Settings:
    collection = f"benchmark-{uuid.uuid4().hex[:8]}"
    index = str(folder / collection)
    return Settings(redis_url=SecretStr(redis.url), collection=collection, index_url=index, queue_limit=limit)


def warm_up(documents: Sequence[Document]) -> list[Document]:
    """Some documents that are none of those that are measured: what stands unchanged isn't encoded again."""
    return [replace(document, title="A warm-up") for document in documents[:64]]


def alone(documents: Sequence[Document], encoder: Encoder, settings: Settings) -> float:
    """Documents a second when one process encodes and writes."""
    with open_index(settings) as index:
        pipeline = Pipeline(encoder, index, settings)
        pipeline.run(warm_up(documents))
        began = time.perf_counter()
        pipeline.run(documents)
        return len(documents) / (time.perf_counter() - began)


def queued(documents: Sequence[Document], settings: Settings, folder: Path) -> float:
    """Documents a second from the first that is added to the last that is indexed."""
    with running(settings, folder):
        with Producer(settings) as first:
            for document in warm_up(documents):
                first.add(document)
        first.job.wait(120)
        began = time.perf_counter()
        with Producer(settings) as producer:
            for document in documents:
                producer.add(document)
        counts = producer.job.wait(1200)
        seconds = time.perf_counter() - began
    if counts.failed:
        raise SystemExit(f"{counts.failed} documents failed")
    return len(documents) / seconds


def producer_rate(settings: Settings) -> float:
    """Small documents a second that are accepted while nobody works them off."""
    documents = [Document(str(number), f"small document {number}") for number in range(SMALL)]
    began = time.perf_counter()
    with Producer(settings) as producer:
        for document in documents:
            producer.add(document)
    return SMALL / (time.perf_counter() - began)


def single_milliseconds(settings: Settings) -> list[float]:
    """How long each of many single documents takes to be accepted."""
    taken = []
    with Producer(settings) as producer:
        for number in range(SINGLES):
            began = time.perf_counter()
            producer.add(Document(str(number), "one document"))
            producer.flush()
            taken.append(1000 * (time.perf_counter() - began))
    return taken


def corpus(folder: Path, count: int) -> list[Document]:
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, count)]
    return [Document(row["_id"], row["text"], row.get("title", "")) for row in rows if row["text"].strip()]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--documents", type=int, default=2000, help="of nfcorpus, and as many short ones")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    arguments = parser.parse_args()
    encoder = Encoder.load("tiny", "cpu")
    lines = ["| | documents/s |", "|---|--:|"]
    reached = True
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "redis").mkdir()
        redis = RedisServer(folder / "redis", server_binary())
        redis.start()
        try:
            for name in ("nfcorpus", "wikiqa"):
                documents = corpus(present(arguments.data / name), arguments.documents)
                rates: dict[str, list[float]] = {"alone": [], "queued": []}
                for _ in range(arguments.repeats):
                    rates["alone"].append(alone(documents, encoder, settings_of(redis, folder)))
                    rates["queued"].append(queued(documents, settings_of(redis, folder), folder))
                    print(name, {which: f"{found[-1]:.0f}" for which, found in rates.items()}, file=sys.stderr)
                one, other = median(rates["alone"]), median(rates["queued"])
                share = other / one
                reached = reached and share >= WANTED_SHARE
                lines.append(f"| {name}: encoding and writing alone | {one:,.0f} |")
                lines.append(f"| {name}: through Redis and one worker, **{share:.0%}** of that | {other:,.0f} |")
            rate = producer_rate(settings_of(redis, folder, limit=2 * SMALL))
            taken = single_milliseconds(settings_of(redis, folder))
            p50, p99 = median(taken), quantiles(taken, n=100)[98]
            reached = reached and rate >= WANTED_RATE and p99 < WANTED_MILLISECONDS
            lines.append(f"| a producer, small documents, nobody at work | {rate:,.0f} |")
            lines += ["", f"One document is accepted in {p50:.1f} ms (p50), {p99:.1f} ms (p99)."]
        finally:
            redis.kill()
    command = " ".join(["python -m benchmarks.ingest", *sys.argv[1:]])
    head = f"`{command}` on {os.cpu_count()} CPU cores, the model `tiny`, medians of {arguments.repeats} turns."
    text = "\n".join(["# The queue", "", head, "", *lines, ""])
    print(text)
    (ROOT / "benchmarks" / "results" / "ingest.md").write_text(text, encoding="utf-8")
    return int(not reached)


if __name__ == "__main__":
    sys.exit(main())
