"""The embedded engine over a long life."""

from __future__ import annotations

from pathlib import Path

from postings import EdgeIndex, SparseVector
from postings.index import Point, edge
from tests.support.indexes import MODEL, point

POINTS = 250
ROUNDS = 120
TEXT = "x" * 4000


def updated(version: int) -> list[Point]:
    return [
        point(str(number), SparseVector([1, number + 2], [1.0, 0.5]), version=version, note=TEXT)
        for number in range(POINTS)
    ]


def allocated(folder: Path) -> int:
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def test_a_collection_that_is_updated_for_ever_stays_small(tmp_path: Path) -> None:
    written = POINTS * ROUNDS * len(TEXT)
    with EdgeIndex(tmp_path) as index:
        index.ensure(MODEL, "tiny")
        for version in range(ROUNDS):
            index.upsert(updated(version), newest=version)
        assert ROUNDS * POINTS > 5 * edge.FLUSH_AFTER
        assert allocated(tmp_path) < written
        assert index.count() == POINTS
    with EdgeIndex(tmp_path) as index:
        assert {stored.payload["version"] for stored in index.scroll()} == {ROUNDS - 1}
