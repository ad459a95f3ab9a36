"""How fast does an index take and find sparse vectors, and what do smaller weights cost?

    python -m benchmarks.index [--passages 20000] [--index-url URL] [--api-key KEY] [--grpc-port 6334]

Upserts a second with 1 to 4 streams; p50 and p99 of a search; and how many of the ten best passages of an exact
float32 scoring are found (overlap@10), with float32, float16 and uint8 weights. On the embedded engine, and on a Qdrant
server where a URL is given. The vectors are those of ``benchmarks.local_mode``. Writes ``benchmarks/results/index.md``.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from qdrant_client import QdrantClient
from qdrant_client.models import CollectionStatus

from benchmarks.local_mode import LIMIT, REPEATS, VECTOR, VOCABULARY, Synthesis, quantile
from postings import Index, Settings, SparseVector, open_index
from postings.index import Point, SearchRequest

RESULT = Path(__file__).parent / "results" / "index.md"
STREAMS = (1, 2, 3, 4)
DATATYPES = ("float32", "float16", "uint8")
QUERIES = 200
CALL = 256


def upserts(index: Index, points: Sequence[Point], streams: int) -> float:
    """Points a second; the streams are threads, each waiting for its own call."""
    calls = [points[start : start + CALL] for start in range(0, len(points), CALL)]
    began = time.perf_counter()
    with ThreadPoolExecutor(streams) as pool:
        list(pool.map(index.upsert, calls))
    return len(points) / (time.perf_counter() - began)


def exact(points: Sequence[Point], queries: Sequence[SparseVector]) -> list[set[str]]:
    """The ids of the ten best passages of each query, by exact scoring."""
    vectors = [point.vectors[VECTOR] for point in points]
    rows = np.repeat(np.arange(len(points)), [len(vector) for vector in vectors])
    columns = np.concatenate([vector.indices for vector in vectors])
    values = np.concatenate([vector.values for vector in vectors])
    found = []
    for query in queries:
        weights = np.zeros(VOCABULARY, np.float32)
        weights[query.indices] = query.values
        scores = np.bincount(rows, weights[columns] * values, minlength=len(points))
        found.append({points[at].id for at in np.argsort(-scores, kind="stable")[:LIMIT]})
    return found


def searches(
    index: Index, queries: Sequence[SparseVector], best: Sequence[set[str]]
) -> tuple[np.ndarray[Any, Any], float]:
    """The time of each query, the median of its repeats, and the mean overlap@10."""
    times = np.zeros((REPEATS, len(queries)))
    overlaps = []
    index.search(SearchRequest(queries[0], VECTOR, limit=LIMIT))
    for repeat in range(REPEATS):
        for at, query in enumerate(queries):
            began = time.perf_counter()
            hits = index.search(SearchRequest(query, VECTOR, limit=LIMIT))
            times[repeat, at] = time.perf_counter() - began
            if not repeat:
                overlaps.append(len({hit.id for hit in hits} & best[at]) / LIMIT)
    return np.median(times, axis=0), float(np.mean(overlaps))


def settle(settings: Settings) -> None:
    """Wait until a server has built its indexes."""
    key = settings.index_api_key
    client = QdrantClient(url=settings.index_url, api_key=key.get_secret_value() if key else None)
    try:
        ends = time.monotonic() + 600
        while (status := client.get_collection(settings.collection).status) is not CollectionStatus.GREEN:
            if time.monotonic() > ends:
                raise SystemExit(f"the collection is {status.value} after ten minutes, expected green")
            time.sleep(0.5)
    finally:
        client.close()


def measure(name: str, common: dict[str, Any], points: Sequence[Point], queries: Sequence[SparseVector]) -> list[str]:
    best = exact(points, queries)
    rows = []
    for datatype in DATATYPES:
        rates: dict[int, list[float]] = {streams: [] for streams in STREAMS}
        for repeat in range(3):
            for streams in STREAMS:
                settings = Settings(
                    **common,
                    collection=f"benchmark-{uuid.uuid4().hex[:8]}",
                    index_datatype=datatype,
                    index_streams=streams,
                )
                with open_index(settings) as index:
                    index.ensure(VECTOR, "synthetic vectors")
                    rates[streams].append(upserts(index, points, streams))
                    if repeat == 2 and streams == STREAMS[-1]:
                        if name == "server":
                            settle(settings)
                        times, overlap = searches(index, queries, best)
                if name == "server":
                    QdrantClient(url=settings.index_url, api_key=common.get("index_api_key")).delete_collection(
                        settings.collection
                    )
        cells = " | ".join(f"{median(found):,.0f}" for found in rates.values())
        rows.append(
            f"| {name} | {datatype} | {cells} | {quantile(times, 50):.2f} | {quantile(times, 99):.2f} | {overlap:.3f} |"
        )
        print(rows[-1], file=sys.stderr)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.index", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passages", type=int, default=20_000, help="how many are indexed (default: %(default)s)")
    parser.add_argument("--index-url", help="a Qdrant server, measured too")
    parser.add_argument("--api-key", help="its API key")
    parser.add_argument("--grpc-port", type=int, default=0, help="its port for gRPC; by default REST is used")
    arguments = parser.parse_args()
    synthesis = Synthesis()
    points, queries = synthesis.points(arguments.passages), [synthesis.vector(15, 25) for _ in range(QUERIES)]
    with TemporaryDirectory() as folder:
        rows = measure("embedded", {"index_url": folder}, points, queries)
    if arguments.index_url:
        given = {
            "index_url": arguments.index_url,
            "index_api_key": arguments.api_key,
            "index_grpc_port": arguments.grpc_port,
        }
        rows += measure("server", {name: value for name, value in given.items() if value is not None}, points, queries)
    text = "\n".join(
        [
            "# The index",
            "",
            f"`python -m benchmarks.index --passages {arguments.passages}` on {os.cpu_count()} CPU cores "
            f"({platform.machine()}), Python {platform.python_version()}, qdrant-edge-py {version('qdrant-edge-py')}, "
            f"qdrant-client {version('qdrant-client')}; medians of three runs for upserts.",
            "",
            "| engine | weights | "
            + " | ".join(f"upserts/s, {n} streams" for n in STREAMS)
            + " | p50 ms | p99 ms | overlap@10 |",
            "|---|---|" + "--:|" * (len(STREAMS) + 3),
            *rows,
            "",
            f"Passages of 120 to 200 active dims with their payloads, {CALL} in a call; {QUERIES} queries of 15 to 25 "
            f"for the best {LIMIT}, each {REPEATS} times. Overlap: with an exact float32 scoring. The embedded engine "
            "rounds weights only in index files, which collections of this size don't have; see scale.md.",
            "",
        ]
    )
    print(text)
    RESULT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
