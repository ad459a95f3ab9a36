"""The folder of the embedded engine: what is in it, and who may open it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import qdrant_edge as edge

from postings import EdgeIndex, Settings
from postings.collections import Collections
from postings.errors import CollectionNotFound, ConfigurationError, IndexLocked, IndexRejected, InvalidInput
from postings.index.proxy import waiting
from tests.support.indexes import MODEL, point


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


@pytest.mark.parametrize("file", ["edge_config.json", "segments/*/segment.json"])
def test_a_collection_in_which_a_killed_process_was_adding_a_model_opens_without_it(tmp_path: Path, file: str) -> None:
    with EdgeIndex(tmp_path) as index:
        index.ensure(MODEL, "tiny")
        index.upsert([point("1")])
    for config in (tmp_path / "documents" / "shard").glob(file):
        settings = json.loads(config.read_bytes())
        vectors = settings.get("sparse_vectors") or settings["config"]["sparse_vector_data"]
        vectors["0" * 32] = vectors[MODEL]
        config.write_text(json.dumps(settings))
    for _ in range(2):
        with EdgeIndex(tmp_path) as index:
            assert list(index.models().names) == [MODEL]
            assert index.count() == 1
            index.add_model("0" * 32, "other")
            index.drop_model("0" * 32)
