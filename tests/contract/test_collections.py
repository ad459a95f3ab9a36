"""Collections of an index: listed, created, dropped, copied, saved and restored, embedded and on a server."""

from __future__ import annotations

import io
import os
import tarfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from postings import Encoder, Index, Settings, SparseVector, open_index
from postings.collections import Collections
from postings.errors import (
    CollectionExists,
    CollectionNotFound,
    ConfigurationError,
    IndexLocked,
    InvalidInput,
    OutputLost,
)
from postings.index import Point, SearchRequest
from postings.index.payload import tombstone_point
from postings.index.proxy import waiting
from tests.support.indexes import MODEL, drop, point, served, shared

OTHER = "fedcba9876543210"
LARGE = "a lion hunts " * 1000


@pytest.fixture(params=["edge", "proxy", "rest", "grpc"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Of a collection that doesn't exist yet."""
    if request.param in ("edge", "proxy"):
        with shared(tmp_path / "index") if request.param == "proxy" else nullcontext():
            yield Settings(index_url=str(tmp_path / "index"), collection="first")
        return
    with served(request.param, f"test-{uuid.uuid4().hex}") as settings:
        yield settings
        drop(settings.of_collection(second(settings)))


def second(settings: Settings) -> str:
    return f"{settings.collection}-second"


def fill(settings: Settings, documents: int = 40) -> None:
    """Points of two models, a tombstone, and a version each."""
    with open_index(settings) as index:
        index.ensure(MODEL, "tiny")
        index.add_model(OTHER, "other")
        index.switch_model(OTHER)
        points = [
            point(str(number), SparseVector([1, number + 2], [1 / 3, 0.1]), version=7) for number in range(documents)
        ]
        both = [Point(each.id, each.payload, {**each.vectors, OTHER: SparseVector([9], [0.7])}) for each in points]
        index.upsert([*both, tombstone_point("gone", 3, 1)])


def contents(index: Index) -> list[Point]:
    return list(index.scroll(vectors=[MODEL, OTHER]))


def state(settings: Settings) -> object:
    """All that a collection holds and finds."""
    with open_index(settings) as index:
        request = SearchRequest(SparseVector([1, 5, 40], [1.5, 0.3, 2.0]), MODEL, limit=50)
        return index.models(), contents(index), index.search(request)


def test_collections_are_listed_with_their_models_and_sizes(settings: Settings) -> None:
    fill(settings)
    (listed,) = [each for each in Collections(settings).list() if each.name == settings.collection]
    assert listed.models is not None
    assert listed.size is not None
    assert listed.models.active_name == "other"
    assert (listed.size.documents, listed.size.passages, listed.size.tombstones) == (40, 40, 1)
    assert listed.problem is None


def test_a_collection_is_created_once(settings: Settings, encoder: Encoder) -> None:
    collections = Collections(settings)
    assert collections.create(settings.collection, encoder).active == encoder.fingerprint
    assert settings.collection in collections.names()
    with pytest.raises(CollectionExists):
        collections.create(settings.collection, encoder)
    with pytest.raises(ConfigurationError, match="collection name"):
        collections.create("../other", encoder)


def test_a_dropped_collection_is_gone(settings: Settings) -> None:
    fill(settings)
    collections = Collections(settings)
    collections.drop(settings.collection)
    assert settings.collection not in collections.names()
    with pytest.raises(CollectionNotFound):
        collections.drop(settings.collection)
    fill(settings, 3)
    with open_index(settings) as index:
        assert index.count() == 4


def test_a_copy_is_equal_and_independent(settings: Settings) -> None:
    fill(settings, 300)
    collections = Collections(settings)
    seen: list[tuple[int, int]] = []
    collections.copy(settings.collection, second(settings), lambda done, total: seen.append((done, total)))
    before = state(settings)
    assert state(settings.of_collection(second(settings))) == before
    assert seen[-1] == (301, 301)
    with open_index(settings.of_collection(second(settings))) as index:
        index.upsert([point("0", version=8)])
    assert state(settings) == before
    assert state(settings.of_collection(second(settings))) != before


def test_a_copy_overwrites_nothing_and_needs_its_source(settings: Settings) -> None:
    fill(settings, 3)
    collections = Collections(settings)
    with pytest.raises(CollectionExists):
        collections.copy(settings.collection, settings.collection)
    with pytest.raises(CollectionNotFound):
        collections.copy(second(settings), f"{second(settings)}-2")


def test_a_restored_snapshot_gives_the_same_results_to_the_bit(settings: Settings, tmp_path: Path) -> None:
    fill(settings)
    before = state(settings)
    collections = Collections(settings)
    seen: list[tuple[int, int]] = []
    collections.snapshot(settings.collection, tmp_path / "saved", lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] > 0
    collections.drop(settings.collection)
    restored = collections.restore(settings.collection, tmp_path / "saved")
    assert state(settings) == before
    assert restored.names == {MODEL: "tiny", OTHER: "other"}
    collections.restore(second(settings), tmp_path / "saved")
    assert state(settings.of_collection(second(settings))) == before
    with open_index(settings) as index:
        index.upsert([point("0", version=8)])
        assert index.count() == 41


def test_a_collection_is_replaced_only_when_asked(settings: Settings, tmp_path: Path) -> None:
    fill(settings)
    before = state(settings)
    collections = Collections(settings)
    collections.snapshot(settings.collection, tmp_path / "saved")
    with open_index(settings) as index:
        index.upsert([point("new"), point("0", version=9)])
        index.switch_model(MODEL)
    after = state(settings)
    with pytest.raises(CollectionExists):
        collections.restore(settings.collection, tmp_path / "saved")
    assert state(settings) == after
    collections.restore(settings.collection, tmp_path / "saved", replace=True)
    assert state(settings) == before


def test_only_a_whole_snapshot_of_this_kind_of_index_replaces_a_collection(settings: Settings, tmp_path: Path) -> None:
    fill(settings, 3)
    before = state(settings)
    collections = Collections(settings)
    saved, bad = tmp_path / "saved", tmp_path / "bad"
    collections.snapshot(settings.collection, saved)
    with tarfile.open(tmp_path / "plain", "w") as archive:
        archive.add(__file__, "notes.py")
    content = saved.read_bytes()
    for damaged in (b"", b"a text", content[: len(content) // 9], content[:-10_240], (tmp_path / "plain").read_bytes()):
        bad.write_bytes(damaged)
        with pytest.raises(InvalidInput, match="snapshot"):
            collections.restore(settings.collection, bad, replace=True)
    for nothing in (tmp_path / "nothing", tmp_path):
        with pytest.raises(InvalidInput, match="no file"):
            collections.restore(settings.collection, nothing, replace=True)
    assert state(settings) == before


def test_a_snapshot_that_cannot_be_written_leaves_what_was_there(settings: Settings, tmp_path: Path) -> None:
    fill(settings, 3)
    with pytest.raises(OutputLost):
        Collections(settings).snapshot(settings.collection, tmp_path / "no" / "saved")
    with pytest.raises(CollectionNotFound):
        Collections(settings).snapshot(second(settings), tmp_path / "saved")
    assert not (tmp_path / "saved").exists()
    os.mkfifo(tmp_path / "pipe")  # as /dev/null, it would be replaced by a file
    with pytest.raises(OutputLost, match="isn't a file"):
        Collections(settings).snapshot(settings.collection, tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("settings", ["edge"], indirect=True)
def test_a_snapshot_taken_during_writes_is_a_state_that_existed(settings: Settings, tmp_path: Path) -> None:
    """Writes set 50 points at a time to the next version, in the order of their ids: so many and so large that
    the engine flushes meanwhile, and drops the log of what it flushed."""
    batches = [[f"{number:04}" for number in range(first, first + 50)] for first in range(0, 1000, 50)]
    stop, failed = threading.Event(), []
    collections = Collections(settings)

    with open_index(settings) as index:
        index.ensure(MODEL, "tiny")
        index.upsert([point(id) for ids in batches for id in ids])

        def work() -> None:
            version = 1
            try:
                while not stop.is_set():
                    version += 1
                    for ids in batches:
                        index.upsert([point(id, version=version, text=LARGE) for id in ids], keep_newer=True)
            except Exception as error:
                failed.append(error)

        writer = threading.Thread(target=work)
        writer.start()
        try:
            for number in range(3):
                index.snapshot(tmp_path / f"saved-{number}")
        finally:
            stop.set()
            writer.join()
    assert not failed
    newest = 0
    for number in range(3):
        collections.restore(f"restored-{number}", tmp_path / f"saved-{number}")
        with open_index(settings.of_collection(f"restored-{number}")) as index:
            found = [each.payload for each in index.scroll()]
            assert len(index.search(SearchRequest(SparseVector([1], [1.0]), MODEL, limit=2000))) == 1000
        assert all(each["text"] == f"{each['doc_id']} 0 at {each['version']}" for each in found)
        versions = {each["doc_id"]: each["version"] for each in found}
        written = [{versions[id] for id in ids} for ids in batches]
        assert all(len(each) == 1 for each in written)  # a write is in the snapshot as a whole, or not at all
        in_order = [version for each in written for version in each]
        assert in_order == sorted(in_order, reverse=True)
        assert in_order[0] - in_order[-1] <= 1
        assert sum(in_order) > newest
        newest = sum(in_order)


@pytest.mark.parametrize("settings", ["edge"], indirect=True)
def test_a_collection_that_is_open_is_left_alone_and_listed_with_the_reason(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOCKED_SECONDS", 0)
    fill(settings, 3)
    collections = Collections(settings)
    collections.snapshot(settings.collection, tmp_path / "saved")
    with open_index(settings):
        for change in (
            lambda: collections.drop(settings.collection),
            lambda: collections.copy(settings.collection, "other"),
            lambda: collections.restore(settings.collection, tmp_path / "saved", replace=True),
        ):
            with pytest.raises(IndexLocked):
                change()
        (listed,) = collections.list()
        assert listed.size is None
        assert "open" in (listed.problem or "")
    assert {each.name for each in (tmp_path / "index").iterdir()} == {settings.collection}


@pytest.mark.parametrize("settings", ["edge"], indirect=True)
def test_nothing_is_written_outside_of_the_index_by_an_archive(settings: Settings, tmp_path: Path) -> None:
    fill(settings, 3)
    saved, forged = tmp_path / "saved", tmp_path / "forged"
    Collections(settings).snapshot(settings.collection, saved)
    file, link = tarfile.REGTYPE, tarfile.SYMTYPE
    for name, kind in (("../../escaped", file), (f"{tmp_path}/escaped", file), ("link", link)):
        with tarfile.open(saved) as source, tarfile.open(forged, "w:gz") as target:
            first = next(iter(source))
            target.addfile(first, source.extractfile(first))
            added = tarfile.TarInfo(name)
            added.type, added.linkname = kind, "/etc/passwd" if kind == link else ""
            target.addfile(added, io.BytesIO())
        with pytest.raises(InvalidInput):
            Collections(settings).restore("forged", forged)
        assert not (tmp_path / "escaped").exists()
        assert Collections(settings).names() == [settings.collection]


@pytest.mark.parametrize("settings", ["edge"], indirect=True)
def test_a_damaged_collection_can_be_replaced(settings: Settings, tmp_path: Path) -> None:
    fill(settings, 3)
    before = state(settings)
    collections = Collections(settings)
    collections.snapshot(settings.collection, tmp_path / "saved")
    (tmp_path / "index" / settings.collection / "collection.json").write_text("{")
    assert "isn't a Postings collection" in (collections.list()[0].problem or "")
    collections.restore(settings.collection, tmp_path / "saved", replace=True)
    assert state(settings) == before
