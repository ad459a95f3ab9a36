"""What vectors cost on the embedded engine: bytes on the disk, and the time of a search."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from postings import EdgeIndex, Index, SparseVector
from postings.documents import point_id
from postings.index import Point, SearchRequest

_SEARCHES = 300
_WARM_UP = 20
_LIMIT = 10
_USING = "vector"
_BLOCK = 512
_LOG = "wal"


@dataclass(frozen=True, slots=True)
class Costs:
    """What encoding, storing and searching cost here; None for what wasn't measured.

    Attributes:
        documents_per_second: encoded, without loading the model.
        bytes_per_document: that the vectors take on the disk of the embedded engine, without texts and without the
            log of its writes.
        search_p50_ms: milliseconds of a search for 10 passages, one after the other, without encoding; the median.
        search_p99_ms: of the slowest hundredth.
    """

    documents_per_second: float | None
    bytes_per_document: float
    search_p50_ms: float
    search_p99_ms: float


def storage_and_latency(
    documents: Sequence[SparseVector], queries: Sequence[SparseVector]
) -> tuple[int, tuple[float, float]]:
    """Write the documents' vectors to an embedded index of their own, and search it.

    Returns:
        The bytes that it takes on the disk, and :func:`latency` of the queries.
    """
    with TemporaryDirectory(prefix="postings-") as folder:
        with EdgeIndex(folder) as index:
            index.ensure(_USING, _USING)
            index.upsert([Point(point_id("", at), {}, {_USING: vector}) for at, vector in enumerate(documents)])
            milliseconds = latency(index, _USING, queries)
        return _disk_use(Path(folder)), milliseconds


def latency(index: Index, using: str, queries: Sequence[SparseVector]) -> tuple[float, float]:
    """Milliseconds of a search, median and 99th percentile of 300 or more, one after the other."""
    milliseconds = []
    for at, query in enumerate(itertools.islice(itertools.cycle(queries), _WARM_UP + max(_SEARCHES, len(queries)))):
        began = time.perf_counter()
        index.search(SearchRequest(vector=query, using=using, limit=_LIMIT))
        if at >= _WARM_UP:
            milliseconds.append(1000 * (time.perf_counter() - began))
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return float(p50), float(p99)


def _disk_use(folder: Path) -> int:
    # The engine makes large files with holes: what counts are the blocks that are really taken.
    files = (path for path in folder.rglob("*") if path.is_file() and _LOG not in path.relative_to(folder).parts)
    return sum(path.stat().st_blocks * _BLOCK for path in files)
