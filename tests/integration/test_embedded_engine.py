"""The embedded engine over a long life."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import qdrant_edge as edge

from postings import EdgeIndex, Settings, SparseVector
from postings.collections import Collections
from postings.errors import CollectionNotFound, ConfigurationError, IndexLocked, IndexRejected, InvalidInput
from postings.index import Point
from postings.index.embedded import open_folder as embedded
from postings.index.proxy import waiting
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


def test_a_file_is_no_index(tmp_path: Path) -> None:
    file = tmp_path / "articles.jsonl"
    file.write_text("{}")
    with pytest.raises(ConfigurationError, match=r"articles\.jsonl is a file$"):
        EdgeIndex(file)


def test_a_switch_that_cannot_be_recorded_has_not_happened(tmp_path: Path) -> None:
    with EdgeIndex(tmp_path, "documents") as index:
        index.ensure(MODEL, "tiny")
        models = index.add_model("fedcba98", "new")
        (tmp_path / "documents" / ".collection.json").mkdir()  # where the record is written before it gets its name
        for change in (lambda: index.switch_model("fedcba98"), lambda: index.drop_model("fedcba98")):
            with pytest.raises(IndexRejected):
                change()
            assert index.models() == models
    with EdgeIndex(tmp_path, "documents") as index:
        assert index.models() == models


def test_a_collection_that_is_open_is_not_replaced_even_if_its_record_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOCKED_SECONDS", 0)
    collections = Collections(Settings(index_url=str(tmp_path / "index")))
    with EdgeIndex(tmp_path / "index", "documents") as index:
        index.ensure(MODEL, "tiny")
        index.snapshot(tmp_path / "saved")
        (tmp_path / "index" / "documents" / "collection.json").write_text("{")
        with pytest.raises(IndexLocked):
            collections.restore("documents", tmp_path / "saved", replace=True)
        index.upsert([point("1")])
        assert index.count() == 1
    assert collections.restore("documents", tmp_path / "saved", replace=True).active == MODEL


def test_no_other_process_can_open_a_collection_while_it_is_dropped_or_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, rename, moved = tmp_path / "index", Path.rename, []

    def tried(self: Path, target: Path) -> Path:
        if self == root / "documents":
            with pytest.raises(Exception, match="WouldBlock"):
                edge.EdgeShard.load(str(self / "shard"))
            moved.append(target)
        return rename(self, target)

    collections = Collections(Settings(index_url=str(root)))
    with EdgeIndex(root, "documents") as index:
        index.ensure(MODEL, "tiny")
        index.snapshot(tmp_path / "saved")
    monkeypatch.setattr(Path, "rename", tried)
    collections.restore("documents", tmp_path / "saved", replace=True)
    collections.drop("documents")
    assert len(moved) == 2
    assert collections.list() == []


def test_what_is_not_there_is_not_created_by_reading_it(tmp_path: Path) -> None:
    collections = Collections(Settings(index_url=str(tmp_path / "misspelled")))
    reads: list[Callable[[], object]] = [
        lambda: collections.snapshot("documents", tmp_path / "saved"),
        lambda: collections.copy("documents", "other"),
        lambda: collections.drop("documents"),
        lambda: collections.restore("documents", tmp_path / "saved"),
    ]
    for read in reads:
        with pytest.raises((CollectionNotFound, InvalidInput), match="there is no"):
            read()
    assert collections.list() == []
    assert list(tmp_path.iterdir()) == []


def test_the_archive_of_an_embedded_collection_is_small(tmp_path: Path) -> None:
    """The engine reserves 200 MB for a few points."""
    with EdgeIndex(tmp_path, "first") as index:
        index.ensure(MODEL, "tiny")
        index.upsert([point("1")])
        index.snapshot(tmp_path / "saved")
    assert (tmp_path / "saved").stat().st_size < 2**20
    Collections(Settings(index_url=str(tmp_path))).copy("first", "second")
    taken = sum(file.stat().st_blocks * 512 for file in (tmp_path / "second").rglob("*"))
    assert taken < 4 * 2**20
