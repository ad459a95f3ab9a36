"""What does it cost to use an embedded index through the process that has it open?

    python -m benchmarks.shared_index [--passages 4096]

Upserts a second and the time of a search, on an index that this process has open and on one through the socket of
another process, in turns. Writes ``benchmarks/results/shared_index.md``; exit status 1 if upserts reach less than 85 %
of the direct ones, or a search takes a millisecond more.
"""

from __future__ import annotations

import argparse
import base64
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.local_mode import LIMIT, SEED, VECTOR, Synthesis
from postings import EdgeIndex, Index, Settings, SparseVector, open_index
from postings.index import Point, SearchRequest
from postings.index.proxy import IndexServer, OpenIndexes
from postings.words.config import WORDS, WordsConfig

RESULT = Path(__file__).parent / "results" / "shared_index.md"
ROUNDS = 5
CALL = 256
QUERIES = 200
EVIDENCE_BYTES = 300
WANTED_SHARE = 0.85
WANTED_MS = 1.0


def serve(folder: Path, ready: Path) -> None:
    with OpenIndexes(folder) as indexes, IndexServer(indexes):
        ready.touch()
        time.sleep(3600)


def points(synthesis: Synthesis, count: int, name: str) -> list[Point]:
    """Passages as the bundled model's: about 120 active dims, 90 words, 900 characters, evidence."""
    random = np.random.default_rng(SEED)
    made = []
    for number, each in enumerate(synthesis.points(count)):
        text = " ".join(f"word{word}" for word in random.integers(0, 10_000, 105))
        evidence = base64.b64encode(random.bytes(EVIDENCE_BYTES)).decode()
        payload = {**each.payload, "text": text, "digest": "d" * 32, "metadata_digest": "m" * 32}
        vectors = {VECTOR: synthesis.vector(100, 140), WORDS: synthesis.vector(80, 100)}
        id = f"{int(name):08x}-0000-4000-8000-{number:012x}"
        made.append(replace(each, id=id, payload={**payload, "evidence": {VECTOR[:8]: evidence}}, vectors=vectors))
    return made


def upserts(index: Index, given: Sequence[Point]) -> float:
    """Points a second, in the calls that the write protocol makes."""
    began = time.perf_counter()
    for start in range(0, len(given), CALL):
        index.upsert(given[start : start + CALL], keep_newer=True)
    return len(given) / (time.perf_counter() - began)


def search(index: Index, query: SparseVector) -> float:
    """Milliseconds, with all fields of the hits."""
    began = time.perf_counter()
    index.search(SearchRequest(query, VECTOR, limit=LIMIT))
    return 1000 * (time.perf_counter() - began)


def main() -> int:
    description = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shared_index", description=description)
    parser.add_argument("--passages", type=int, default=4096, help="of each round (default: %(default)s)")
    arguments = parser.parse_args()
    synthesis = Synthesis()
    queries = [synthesis.vector(15, 25) for _ in range(QUERIES)]
    with TemporaryDirectory() as folder, ExitStack() as stack:
        shared, ready = Path(folder) / "shared", Path(folder) / "ready"
        owner = multiprocessing.get_context("spawn").Process(target=serve, args=(shared, ready), daemon=True)
        owner.start()
        stack.callback(owner.join)
        stack.callback(owner.kill)
        while not ready.exists():
            time.sleep(0.05)
        direct: Index = stack.enter_context(EdgeIndex(Path(folder) / "own", "passages"))
        proxy = stack.enter_context(open_index(Settings(index_url=str(shared), collection="passages")))
        rates: dict[str, list[float]] = {"direct": [], "through the socket": []}
        times: dict[str, list[float]] = {name: [] for name in rates}
        both = dict(zip(rates, (direct, proxy), strict=True))
        for index in both.values():
            index.ensure(VECTOR, "synthetic vectors", WordsConfig())
        for number in range(ROUNDS):
            given = points(synthesis, arguments.passages, str(number))
            for name, index in both.items():
                rates[name].append(upserts(index, given))
            for query in queries:
                for name, index in both.items():
                    times[name].append(search(index, query))
    share = median(shared / own for own, shared in zip(*rates.values(), strict=True))
    added = median(shared - own for own, shared in zip(*times.values(), strict=True))
    rows = [f"| {name} | {median(rates[name]):,.0f} | {median(times[name]):.2f} |" for name in rates]
    text = "\n".join(
        [
            "# An embedded index through another process",
            "",
            f"`python -m benchmarks.shared_index --passages {arguments.passages}` on {os.cpu_count()} CPU cores "
            f"({platform.machine()}), Python {platform.python_version()}, qdrant-edge-py {version('qdrant-edge-py')}.",
            "",
            "| | upserts/s | p50 ms/search |",
            "|---|--:|--:|",
            *rows,
            f"| **difference** | **{share:.0%}** | **+{added:.2f}** |",
            "",
            f"{ROUNDS} rounds of {arguments.passages:,} new passages, {CALL} in a call, and {QUERIES} searches for the "
            f"best {LIMIT} with all fields, in turns; medians, of the rounds' ratios and the searches' differences. A "
            "passage has 100 to 140 active dims, 80 to 100 words, 900 characters of text, and evidence.",
            "",
        ]
    )
    print(text)
    RESULT.write_text(text, encoding="utf-8")
    return 0 if share >= WANTED_SHARE and added < WANTED_MS else 1


if __name__ == "__main__":
    sys.exit(main())
