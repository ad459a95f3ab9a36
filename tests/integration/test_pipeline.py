"""The pipeline: what it reports, and what it leaves in the index."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from postings import Document, Encoder, Index, Settings
from postings.errors import InvalidDocument, ReaderError
from postings.index.collection_size import collection_size
from postings.index.payload import passage_from
from postings_ingest import Pipeline, Report, delete_documents
from postings_ingest.deletion import Deleted, delete
from postings_ingest.journal import Duplicate, Journal, Superseded
from postings_query import SearchClient
from tests.support.models import quiet_tiny


def texts(index: Index, encoder: Encoder) -> dict[str, str]:
    found = SearchClient(index=index, encoder=encoder).search("a document about lions", limit=1000)
    return {hit.id: hit.text for hit in found}


def test_documents_without_a_version_replace_each_other_in_the_order_they_come(index: Index, encoder: Encoder) -> None:
    documents = [Document("a", "a first document"), Document("b", "a document"), Document("a", "a second document")]
    Pipeline(encoder, index).run(documents)
    Pipeline(encoder, index).run([Document("b", "a third document")])
    assert texts(index, encoder) == {"a": "a second document", "b": "a third document"}


def test_reports_grow_and_end_in_the_whole(index: Index, encoder: Encoder) -> None:
    seen: list[Report] = []
    documents = (Document(str(n), f"document {n}", version=1) for n in range(300))
    report = Pipeline(encoder, index).run(documents, seen.append)
    counts = [r.documents for r in seen]
    assert counts == sorted(set(counts))
    assert (report.documents, report.indexed, report.superseded, report.passages) == (300, 300, 0, 300)
    assert replace(seen[-1], seconds=report.seconds) == report
    older = Pipeline(encoder, index).run([Document("7", "older", version=0)])
    assert (older.indexed, older.superseded, older.passages) == (0, 1, 0)


def test_documents_are_read_as_they_are_written(index: Index, encoder: Encoder) -> None:
    read = 0

    def endless() -> Iterator[Document]:
        nonlocal read
        while True:
            read += 1
            yield Document(str(read), f"document {read}")

    def stop(report: Report) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Pipeline(encoder, index).run(endless(), stop)
    assert 1 <= collection_size(index).documents < read <= collection_size(index).documents + 257


def test_a_document_is_found_while_its_source_waits(index: Index, encoder: Encoder) -> None:
    written = threading.Event()

    def slow() -> Iterator[Document]:
        for number in range(3):
            yield Document(str(number), "a document about lions")
            assert written.wait(60)
            written.clear()
            assert sorted(texts(index, encoder)) == [str(n) for n in range(number + 1)]

    report = Pipeline(encoder, index).run(slow(), lambda _: written.set())
    assert report.indexed == 3


def test_a_source_that_fails_midway_loses_nothing_that_it_gave(index: Index, encoder: Encoder) -> None:
    seen: list[Report] = []

    def failing() -> Iterator[Document]:
        yield from (Document(str(number), f"document {number}") for number in range(40))
        raise ReaderError("the disk is gone")

    with pytest.raises(ReaderError, match="the disk is gone"):
        Pipeline(encoder, index).run(failing(), seen.append)
    assert seen[-1].indexed == collection_size(index).documents == 40


def test_what_came_twice_is_counted_apart_and_named_with_both_places(index: Index, encoder: Encoder) -> None:
    Pipeline(encoder, index).run([Document("old", "a stored document", version=9)])
    settings = Settings(passage_tokens=16, passage_overlap=4)
    long = " ".join(f"This is sentence {n} about lions." for n in range(30))
    documents = [
        Document("a", long, version=1).read_at("x.jsonl:1"),
        Document("b", "a document", version=2).read_at("x.jsonl:2"),
        Document("old", "an older document", version=3).read_at("x.jsonl:3"),
        *(Document(str(number), "another document", version=1) for number in range(300)),
        Document("a", "a short document", version=1).read_at("y.jsonl:1"),
        Document("b", "an older document", version=1),
        Document("b", "an even older document", version=0),
    ]
    with Journal() as journal:
        report = Pipeline(encoder, index, settings).run(documents, journal=journal)
        assert (report.documents, report.indexed, report.superseded, report.duplicates) == (306, 302, 1, 3)
        assert list(journal.duplicated()) == [
            Duplicate("a", "x.jsonl:1", "y.jsonl:1"),
            Duplicate("b", "x.jsonl:2", "document 305"),
            Duplicate("b", "x.jsonl:2", "document 306"),
        ]
        assert list(journal.superseded_documents()) == [Superseded("old", version=3, stored=9)]
    # One passage is that of the document that was there.
    assert report.passages == collection_size(index).passages - 1 == 302
    assert texts(index, encoder)["a"] == "a short document"
    assert texts(index, encoder)["b"] == "a document"


def test_a_document_without_active_dims_is_counted_and_named(index: Index, tmp_path: Path) -> None:
    quiet = Encoder.load(quiet_tiny(tmp_path), "cpu", backend="torch")
    with Journal() as journal:
        report = Pipeline(quiet, index).run([Document("a", "A lion hunts."), Document("b", ".")], journal=journal)
        assert (report.indexed, report.passages, report.without_dims) == (2, 2, 1)
        assert list(journal.never_found()) == ["b"]


def test_a_shorter_revision_leaves_no_stale_passage(index: Index, encoder: Encoder) -> None:
    settings = Settings(passage_tokens=16, passage_overlap=4)
    long = " ".join(f"This is sentence {n} about lions." for n in range(30))
    Pipeline(encoder, index, settings).run([Document("a", long, version=1)])
    assert collection_size(index).passages > 10
    Pipeline(encoder, index, settings).run([Document("a", "One sentence about lions.", version=2)])
    assert collection_size(index).passages == 1
    assert texts(index, encoder) == {"a": "One sentence about lions."}


def test_what_is_stored_is_the_passage(index: Index, encoder: Encoder) -> None:
    document = Document("a", "A text about lions.", title="Lions", metadata={"n": [1, {"x": None}]}, version=3)
    Pipeline(encoder, index).run([document])
    (stored,) = index.scroll(vectors=[encoder.fingerprint])
    passage = passage_from(stored.payload)
    assert (passage.doc_id, passage.title, passage.text, passage.version) == ("a", "Lions", document.text, 3)
    assert passage.metadata == document.metadata
    (expected,) = encoder.encode_documents(["Lions A text about lions."])
    assert stored.vectors[encoder.fingerprint].indices.tolist() == expected.indices.tolist()


def test_deleted_documents_are_gone_and_named(index: Index, encoder: Encoder) -> None:
    Pipeline(encoder, index).run([Document("a", "a document", version=1), Document("b", "a document", version=1)])
    assert delete_documents(index, ["a", "nothing"]) == ["a"]
    assert delete_documents(index, ["a"]) == []
    assert texts(index, encoder) == {"b": "a document"}
    late = Pipeline(encoder, index).run([Document("a", "a late document", version=2)])
    assert (late.superseded, texts(index, encoder)) == (1, {"b": "a document"})


def test_a_delete_of_an_older_version_says_which_one_is_stored(index: Index, encoder: Encoder) -> None:
    Pipeline(encoder, index).run([Document(id, "a document", version=5) for id in ("a", "b")])
    assert delete(index, iter(["a", "b", "a", "nothing"]), version=4) == Deleted([], ["nothing"], {"a": 5, "b": 5}, 4)
    assert delete_documents(index, ["a"], version=4) == []
    assert sorted(texts(index, encoder)) == ["a", "b"]
    assert delete(index, ["a", "a", "a"], version=6) == Deleted(["a"], [], {}, 6)
    assert sorted(texts(index, encoder)) == ["b"]


@pytest.mark.parametrize("ids", ["abc", b"abc", None, 7, [7], ["a", None]])
def test_what_holds_no_ids_deletes_nothing(index: Index, encoder: Encoder, ids: Any) -> None:
    Pipeline(encoder, index).run([Document(id, "a document", version=1) for id in "abc"])
    with pytest.raises(InvalidDocument, match="ids must hold"):
        delete_documents(index, ids)
    assert sorted(texts(index, encoder)) == ["a", "b", "c"]


def test_tombstones_are_swept_after_their_retention(index: Index, encoder: Encoder) -> None:
    Pipeline(encoder, index).run([Document("a", "a document", version=1)])
    delete_documents(index, ["a"], version=2)
    Pipeline(encoder, index).run([])
    assert collection_size(index).tombstones == 1
    Pipeline(encoder, index, Settings(tombstone_retention=0)).run([Document("b", "a document")])
    Pipeline(encoder, index, Settings(tombstone_retention=0)).run([])
    assert collection_size(index).tombstones == 0
