"""The embedded engine over a long life, and when its process is killed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from postings import EdgeIndex, SparseVector
from postings.index import Point
from postings.index.embedded import open_folder as embedded
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
            index.upsert(updated(version), keep_newer=True)
        assert ROUNDS * POINTS > 5 * embedded.FLUSH_AFTER
        assert allocated(tmp_path) < written
        assert index.count() == POINTS
    with EdgeIndex(tmp_path) as index:
        assert {stored.payload["version"] for stored in index.scroll()} == {ROUNDS - 1}


CHURN = """
import sys
from postings import EdgeIndex, SparseVector
from postings.index import SearchRequest
from postings.index.embedded import open_folder as embedded
from postings.index.proxy import waiting
from tests.support.indexes import MODEL, point

embedded.WHILE_SEARCHED = int(sys.argv[2])
vector = SparseVector(list(range(400)), [1.0] * 400)

def held():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))

with EdgeIndex(sys.argv[1]) as index:
    index.ensure(MODEL, "tiny")
    index.search(SearchRequest(vector, MODEL))
    for version in range(int(sys.argv[3])):
        index.upsert([point(f"{version} {number}", vector, version=version) for number in range(500)])
        index.delete({"must": [{"key": "version", "range": {"lt": version - 2}}]})
        print(version, held(), index.count(), flush=True)
"""


def churned(folder: Path, up_to: int, rounds: int) -> list[tuple[int, int]]:
    """New points in each round, those of older ones deleted: the memory held after each, in KiB, and the points."""
    command = [sys.executable, "-c", CHURN, str(folder), str(up_to), str(rounds)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return [(int(held), int(count)) for _, held, count in map(str.split, ran.stdout.splitlines())]


def test_what_is_deleted_takes_no_memory_for_ever(tmp_path: Path) -> None:
    rounds = 40
    kept, grown = (churned(tmp_path / str(limit), limit, rounds) for limit in (100_000, 0))
    assert {count for _, count in kept[2:]} == {1500}
    growth, unbounded = (max(held[rounds // 2 :])[0] - max(held[: rounds // 2])[0] for held in (kept, grown))
    assert unbounded > 20_000
    assert growth < unbounded / 4


@pytest.mark.parametrize("attempt", range(2))
def test_a_kill_while_deleted_points_are_taken_back_loses_nothing(tmp_path: Path, attempt: int) -> None:
    command = [sys.executable, "-c", CHURN, str(tmp_path), "100000", "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shard = tmp_path / "documents" / "shard"
        while not (segments := set((shard / "segments").glob("*"))):
            assert process.poll() is None
            time.sleep(0.01)
        while set((shard / "segments").glob("*")) <= segments:  # until another is being made
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(random.Random(attempt).random() / 20)
        process.kill()
        last = int(process.stdout.read().splitlines()[-1].split()[0])
    with EdgeIndex(tmp_path) as index:
        versions = [stored.payload["version"] for stored in index.scroll()]
        assert len(versions) == index.count()
        for version in (last - 1, last):
            assert versions.count(version) == 500
        assert not {version for version in versions if version < last - 2}


def test_short_runs_take_back_what_they_deleted(tmp_path: Path) -> None:
    vector = SparseVector(list(range(400)), [1.0] * 400)
    sizes = []
    for version in range(10):
        with EdgeIndex(tmp_path) as index:
            index.ensure(MODEL, "tiny")
            index.upsert([point(f"{version} {number}", vector, version=version) for number in range(500)])
            index.delete({"must": [{"key": "version", "range": {"lt": version - 2}}]})
        sizes.append(len(list((tmp_path / "documents" / "shard" / "segments").glob("*"))))
        last = {file.parent.name for file in tmp_path.rglob("segment.json")}
        if version == 2:
            first = last
    assert set(sizes) == {1}
    assert last != first
    with EdgeIndex(tmp_path) as index:
        assert index.count() == 1500
