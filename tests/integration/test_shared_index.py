"""An embedded index that other processes use through the one that has it open: calls, and what they change."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from postings import Index, SparseVector, open_index
from postings.collections import Collections
from postings.errors import (
    CollectionNotFound,
    ConfigurationError,
    IndexCorrupt,
    IndexRejected,
    IndexUnavailable,
    InvalidInput,
)
from postings.index import SearchRequest
from postings.index.open import open_embedded
from postings.index.proxy import OpenIndexes, Owner, ProxyIndex
from tests.support.indexes import MODEL, point, shared
from tests.support.sharing import serving, settings_of, socket_of

OTHER = "fedcba9876543210"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def indexes(folder: Path) -> Iterator[OpenIndexes]:
    with shared(folder) as indexes:
        yield indexes


@pytest.fixture
def index(folder: Path, indexes: OpenIndexes) -> Iterator[Index]:
    """The collection, through the process that has it open."""
    with open_index(settings_of(folder)) as index:
        assert isinstance(index, ProxyIndex)
        index.ensure(MODEL, "tiny")
        yield index


def test_a_collection_is_used_through_the_process_even_if_it_does_not_have_it_open_yet(
    folder: Path, indexes: OpenIndexes
) -> None:
    with open_index(settings_of(folder, "articles")) as index:
        index.ensure(MODEL, "tiny")
        assert not index.exclusive
        assert index.info().location == str(folder)
    assert indexes.get("articles").models().active == MODEL
    assert not indexes.get("articles").exclusive


def test_it_is_opened_as_the_process_could(folder: Path, indexes: OpenIndexes) -> None:
    with pytest.raises(ConfigurationError, match="collection name"):
        ProxyIndex(Owner.of(folder), "../other")  # type: ignore[arg-type]
    (folder / "broken").mkdir(parents=True)
    with pytest.raises(IndexCorrupt, match="isn't a Postings collection"):
        open_index(settings_of(folder, "broken"))


def test_a_collection_that_is_being_replaced_holds_up_no_other(index: Index, indexes: OpenIndexes) -> None:
    held = indexes.opened("documents")
    assert held is not None
    with ThreadPoolExecutor(1) as pool:
        with indexes.released("other"):
            assert pool.submit(indexes.get, "documents").result(60) is held
            assert pool.submit(indexes.get, "another").result(60).collection == "another"
            assert pool.submit(indexes.opened, "other").result(60) is None
            waiting = pool.submit(indexes.get, "other")
            assert not waiting.done()
        assert waiting.result(60).collection == "other"


def test_threads_share_an_index(index: Index) -> None:
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for version in range(1, 20):
                index.upsert([point(f"{number} {id}", version=version) for id in range(5)])
                found = index.retrieve([point(f"{number} {id}").id for id in range(5)])
                assert {each.payload["doc_id"] for each in found} == {f"{number} {id}" for id in range(5)}
                assert {each.payload["version"] for each in found} == {version}
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert index.count() == 40


def test_a_collection_that_many_create_at_once_is_created_once(folder: Path, indexes: OpenIndexes) -> None:
    start, failed = threading.Barrier(8), []

    def create(name: str) -> None:
        try:
            with open_index(settings_of(folder, name)) as index:
                start.wait()
                index.ensure(MODEL, "tiny")
                index.upsert([point("1")])
        except BaseException as error:
            failed.append(error)

    for attempt in range(5):
        threads = [threading.Thread(target=create, args=(f"new-{attempt}",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failed
    assert all(indexes.get(f"new-{attempt}").count() == 1 for attempt in range(5))


def test_collections_are_changed_while_they_are_open(
    folder: Path, indexes: OpenIndexes, index: Index, tmp_path: Path
) -> None:
    index.upsert([point(str(number)) for number in range(300)])
    indexes.get("copy"), indexes.get("restored")  # asked for before they are there
    collections = Collections(settings_of(folder))
    seen: list[tuple[int, int]] = []
    collections.copy("documents", "copy", lambda done, total: seen.append((done, total)))
    assert seen == [(0, 300), (300, 300)]
    assert indexes.get("copy").count() == 300
    index.snapshot(tmp_path / "saved", lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] > 300
    collections.restore("restored", tmp_path / "saved")
    index.upsert([point("new")])
    assert (index.count(), indexes.get("restored").count(), indexes.get("copy").count()) == (301, 300, 300)
    replaced = indexes.get("documents")
    collections.restore("documents", tmp_path / "saved", replace=True)
    with pytest.raises(IndexUnavailable, match="the index was closed"):
        replaced.count()
    assert index.count() == indexes.get("documents").count() == 300
    collections.drop("documents")
    for gone in (index, indexes.get("documents")):
        with pytest.raises(CollectionNotFound):
            gone.count()
    index.ensure(OTHER, "other")
    assert index.count() == 0
    assert collections.names() == ["copy", "documents", "restored"]


def test_files_are_found_from_where_the_caller_is(
    folder: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "other") as process, open_index(settings_of(tmp_path / "other")) as other:
        assert process.pid != os.getpid()
        other.ensure(MODEL, "tiny")
        monkeypatch.chdir(tmp_path)
        other.snapshot("saved")
        Collections(settings_of(tmp_path / "other")).restore("again", Path("saved"))
    assert (tmp_path / "saved").is_file()


def test_a_collection_is_optimized_through_its_owner(folder: Path, indexes: OpenIndexes, index: Index) -> None:
    index.upsert([point(str(number)) for number in range(10)])
    with open_embedded(settings_of(folder)) as opened:
        opened.optimize()
    assert index.count() == 10


def test_an_interrupted_caller_leaves_no_answer_for_the_next(
    folder: Path, index: Index, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index.upsert([point("1")])

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    for interrupted in (
        lambda: index.snapshot(tmp_path / "saved", interrupt),
        lambda: Collections(settings_of(folder)).copy("documents", "copy", interrupt),
    ):
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert index.count() == 1
        assert [each.payload["doc_id"] for each in index.scroll()] == ["1"]
    assert not caplog.records


def test_what_is_no_call_harms_no_other(folder: Path, index: Index) -> None:
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\2[]", b"\0\0\0\x14", b"\xff\xff\xff\xff", b"\0\0\0\1x"):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(str(socket_of(folder)))
            stranger.sendall(data)
            stranger.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                while stranger.recv(1000):
                    pass
    owner = Owner.of(folder)
    assert owner is not None
    for name, arguments in (("reboot", {}), ("count", {"all": True}), ("set_words", {"words": 1}), ("upsert", {})):
        with pytest.raises(IndexRejected):
            owner.call(name, arguments, collection="documents")
    owner.close()
    assert index.count() == 0


def test_what_cannot_be_sent_is_refused_and_the_index_works_on(index: Index) -> None:
    with pytest.raises(InvalidInput):
        index.upsert([point("1", extra=object())])
    assert index.count() == 0


def test_an_answer_that_is_too_large_is_refused_and_the_index_works_on(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.upsert([point(str(number), filler="x" * 1000) for number in range(100)])
    from postings.index.proxy import wire

    monkeypatch.setattr(wire, "MAX_BYTES", 50_000)
    with pytest.raises(InvalidInput, match="write or read less in one call"):
        index.search(SearchRequest(SparseVector([1], [1.0]), MODEL, limit=100))
    assert len(index.search(SearchRequest(SparseVector([1], [1.0]), MODEL, limit=5))) == 5
