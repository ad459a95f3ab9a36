"""How much faster is embedded search than qdrant-client's local mode?

    python -m benchmarks.local_mode [--passages 20000]

Both hold the same synthetic passages and answer the same queries in turns, in one process. Writes
``benchmarks/results/local_mode.md``; exit status 1 if the ratio of the medians is below 500, or if the ten best
scores of any query differ.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from qdrant_client import QdrantClient, models

from postings import EdgeIndex, SparseVector
from postings.documents import Passage
from postings.index import Point, SearchRequest
from postings.index.payload import passage_point

RESULT = Path(__file__).parent / "results" / "local_mode.md"
VECTOR = "synthetic"
COLLECTION = "documents"
VOCABULARY = 30522
OFFSET = 10
QUERIES = 20
REPEATS = 5
LIMIT = 10
BATCH = 500
TOLERANCE = 1e-4
WANTED_RATIO = 500
SEED = 20_250

Seconds = npt.NDArray[np.float64]


class Synthesis:
    """Vectors shaped as SPLADE's: few frequent dims, a long tail of rare ones, weights skewed to the small."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(SEED)
        # Mandelbrot's offset keeps the most frequent tokens of Zipf's law from being in every passage. With 10, a query
        # shares about as many dims with a passage as nfcorpus' queries do with the bundled model (three).
        frequencies = 1 / (np.arange(VOCABULARY) + OFFSET)
        self._cumulated = np.cumsum(frequencies / frequencies.sum())
        # Frequency must not follow the index.
        self._tokens = self._random.permutation(VOCABULARY)

    def vector(self, fewest: int, most: int) -> SparseVector:
        """A vector of ``fewest`` to ``most`` active dims."""
        dims = int(self._random.integers(fewest, most, endpoint=True))
        drawn = np.searchsorted(self._cumulated, self._random.random(4 * dims)).clip(max=VOCABULARY - 1)
        _, first = np.unique(drawn, return_index=True)
        indices = np.sort(self._tokens[drawn[np.sort(first)[:dims]]])
        return SparseVector(indices, np.log1p(self._random.exponential(0.8, len(indices))) + 0.01)

    def points(self, count: int) -> list[Point]:
        """Passages of 120 to 200 active dims, each a document."""
        return [
            passage_point(
                Passage(
                    doc_id=str(number),
                    ordinal=0,
                    start=0,
                    end=len(text),
                    text=text,
                    title=f"Title {number}",
                    metadata={"group": number % 10},
                    version=1,
                    passages=1,
                ),
                {VECTOR: self.vector(120, 200)},
            )
            for number, text in ((number, f"The text of passage {number}. " * 10) for number in range(count))
        ]

    def queries(self) -> list[SparseVector]:
        """Queries of 15 to 25 active dims."""
        return [self.vector(15, 25) for _ in range(QUERIES)]


def shared_dims(points: Sequence[Point], queries: Sequence[SparseVector]) -> float:
    """How many dims a query shares with a passage on average: the work of a search, a passage."""
    frequencies = np.bincount(np.concatenate([point.vectors[VECTOR].indices for point in points]), minlength=VOCABULARY)
    return float(np.mean([frequencies[query.indices].sum() for query in queries]) / len(points))


def fill(points: Sequence[Point], index: EdgeIndex, local: QdrantClient) -> None:
    index.ensure(VECTOR, "synthetic vectors")
    local.create_collection(COLLECTION, vectors_config={}, sparse_vectors_config={VECTOR: models.SparseVectorParams()})
    for start in range(0, len(points), BATCH):
        batch = points[start : start + BATCH]
        index.upsert(batch)
        local.upsert(COLLECTION, [local_point(point) for point in batch])


def local_point(point: Point) -> models.PointStruct:
    return models.PointStruct(
        id=point.id, payload=dict(point.payload), vector={VECTOR: local_vector(point.vectors[VECTOR])}
    )


def local_vector(vector: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=vector.indices.tolist(), values=vector.values.tolist())


def search_index(index: EdgeIndex, query: SparseVector) -> list[float]:
    return [hit.score for hit in index.search(SearchRequest(query, VECTOR, limit=LIMIT))]


def search_local(local: QdrantClient, query: SparseVector) -> list[float]:
    found = local.query_points(COLLECTION, query=local_vector(query), using=VECTOR, limit=LIMIT, with_payload=True)
    return [hit.score for hit in found.points]


def compare(index: EdgeIndex, local: QdrantClient, queries: Sequence[SparseVector]) -> tuple[Seconds, Seconds, float]:
    """The time of each query in both, the median of its repeats; and the largest difference between two scores."""
    times = np.zeros((2, REPEATS, len(queries)))
    difference = 0.0
    search_index(index, queries[0])
    search_local(local, queries[0])
    for repeat, (at, query) in product(range(REPEATS), enumerate(queries)):
        began = time.perf_counter()
        mine = search_index(index, query)
        between = time.perf_counter()
        theirs = search_local(local, query)
        times[:, repeat, at] = between - began, time.perf_counter() - between
        if len(mine) != len(theirs):
            sys.exit(f"query {at} has {len(mine)} hits in the embedded index and {len(theirs)} in local mode")
        difference = max(difference, float(np.abs(np.subtract(mine, theirs)).max()))
    embedded, other = np.median(times, axis=1)
    return embedded, other, difference


def page(passages: int, embedded: Seconds, local: Seconds, difference: float, shared: float) -> str:
    return "\n".join(
        [
            "# Embedded search, and qdrant-client's local mode",
            "",
            f"`python -m benchmarks.local_mode --passages {passages}` on {os.cpu_count()} CPU cores "
            f"({platform.machine()}), Python {platform.python_version()}, qdrant-edge-py {version('qdrant-edge-py')}, "
            f"qdrant-client {version('qdrant-client')}.",
            "",
            f"| {passages:,} passages | p50 ms/query | p99 ms/query |",
            "|---|--:|--:|",
            f"| embedded (`EdgeIndex`) | {quantile(embedded, 50):.2f} | {quantile(embedded, 99):.2f} |",
            f"| local mode (`QdrantClient(path=…)`) | {quantile(local, 50):.1f} | {quantile(local, 99):.1f} |",
            f"| **ratio** | **{ratio(embedded, local):,.0f}** "
            f"| **{quantile(local, 99) / quantile(embedded, 99):,.0f}** |",
            "",
            f"{QUERIES} queries for the best {LIMIT} passages with their payloads, each put to the one and then to the "
            f"other, {REPEATS} times over; a query's time is the median of its {REPEATS}, p50 and p99 are over the "
            "queries.",
            f"Both found the same {LIMIT} scores (largest difference {difference:.1e}).",
            "",
            f"The vectors are synthetic (seed {SEED}): a passage has 120 to 200 active dims of {VOCABULARY:,}, a query "
            f"15 to 25, drawn with probability 1 / (rank + {OFFSET}) (Zipf-Mandelbrot), so that they share "
            f"{shared:.1f} on average; weights are log(1 + x), x exponential with mean 0.8.",
            "Both hold the same payloads: ids, version, offsets, title, 270 characters of text, one metadata field.",
            "",
        ]
    )


def quantile(times: Seconds, percent: float) -> float:
    return 1000 * float(np.percentile(times, percent))


def ratio(embedded: Seconds, local: Seconds) -> float:
    return quantile(local, 50) / quantile(embedded, 50)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.local_mode", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--passages", type=int, default=20_000, help="how many both hold (default: %(default)s)")
    passages: int = parser.parse_args().passages
    synthesis = Synthesis()
    with TemporaryDirectory() as folder, EdgeIndex(Path(folder) / "embedded", COLLECTION) as index:
        local = QdrantClient(path=str(Path(folder) / "local"))
        points, queries = synthesis.points(passages), synthesis.queries()
        fill(points, index, local)
        embedded, other, difference = compare(index, local, queries)
        local.close()
    text = page(passages, embedded, other, difference, shared_dims(points, queries))
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text, encoding="utf-8")
    return int(ratio(embedded, other) < WANTED_RATIO or difference > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
