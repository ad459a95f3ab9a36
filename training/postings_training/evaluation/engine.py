"""What vectors cost on the embedded engine: disk space and search latency."""

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
    """What encoding, storing and searching cost on this machine; None if it wasn't measured.

    Attributes:
        documents_per_second: speed of encoding, without loading the model.
        bytes_per_document: disk space of the vectors in the embedded engine, without texts and its write-ahead log.
        search_p50_ms: median latency of a search for 10 passages in milliseconds, without encoding, one at a time.
        search_p99_ms: the 99th percentile, likewise.
    """

    documents_per_second: float | None
    bytes_per_document: float
    search_p50_ms: float
    search_p99_ms: float


def storage_and_latency(
    documents: Sequence[SparseVector], queries: Sequence[SparseVector]
) -> tuple[int, tuple[float, float]]:
    """Write the documents' vectors to a temporary embedded index, and search it.

    Returns:
        Its size on the disk in bytes, and the :func:`latency` of the queries.
    """
    with TemporaryDirectory(prefix="postings-") as folder:
        with EdgeIndex(folder) as index:
            index.ensure(_USING, _USING)
            index.upsert([Point(point_id("", at), {}, {_USING: vector}) for at, vector in enumerate(documents)])
            milliseconds = latency(index, _USING, queries)
        return _disk_use(Path(folder)), milliseconds


def latency(index: Index, using: str, queries: Sequence[SparseVector]) -> tuple[float, float]:
    """The median and the 99th percentile of at least 300 searches in milliseconds, one at a time."""
    milliseconds = []
    for at, query in enumerate(itertools.islice(itertools.cycle(queries), _WARM_UP + max(_SEARCHES, len(queries)))):
        began = time.perf_counter()
        index.search(SearchRequest(vector=query, using=using, limit=_LIMIT))
        if at >= _WARM_UP:
            milliseconds.append(1000 * (time.perf_counter() - began))
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return float(p50), float(p99)


def _disk_use(folder: Path) -> int:
    # The engine writes large sparse files, so only allocated blocks count.
    files = (path for path in folder.rglob("*") if path.is_file() and _LOG not in path.relative_to(folder).parts)
    return sum(path.stat().st_blocks * _BLOCK for path in files)
