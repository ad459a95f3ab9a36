"""What the index holds isn't encoded again, and all promises about versions hold all the same."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from postings import Document, Encoder, Index, Settings
from postings.clock import arrival_version
from postings.index import Point
from postings.index.payload import of_documents
from postings.write_protocol import Revision, write
from postings_ingest import Pipeline, Report, delete_documents
from postings_ingest.indexing import Indexer
from postings_ingest.journal import Journal
from postings_ingest.operations import Deletion
from postings_query import SearchClient
from tests.support.models import quiet_tiny

SETTINGS = Settings(passage_tokens=16, passage_overlap=4)
LONG = " ".join(f"This is sentence {n} about lions." for n in range(12))


def documents(version: int | None, **metadata: Any) -> list[Document]:
    return [
        Document("long", LONG, "Lions", metadata, version),
        Document("short", "A short text.", metadata=metadata, version=version),
    ]


def run(index: Index, encoder: Encoder, *documents: Document, settings: Settings = SETTINGS) -> Report:
    return Pipeline(encoder, index, settings).run(documents)


def stored(index: Index, encoder: Encoder, id: str = "long") -> list[Point]:
    found = index.scroll(of_documents([id]), vectors=[encoder.fingerprint])
    return sorted(found, key=lambda point: point.payload["ordinal"])


def texts(index: Index, encoder: Encoder, id: str = "long") -> list[str]:
    return [point.payload.get("text", "deleted") for point in stored(index, encoder, id)]


def payloads(index: Index, encoder: Encoder, field: str) -> set[Any]:
    return {str(point.payload[field]) for point in stored(index, encoder)}


@pytest.mark.parametrize("version", [None, 7])
def test_a_second_run_encodes_nothing_and_changes_nothing(index: Index, encoder: Encoder, version: int | None) -> None:
    first = run(index, encoder, *documents(version, n=1))
    before, passes = list(index.scroll(vectors=[encoder.fingerprint])), encoder.work.passes
    second = run(index, encoder, *documents(version, n=1))
    assert encoder.work.passes == passes
    after = list(index.scroll(vectors=[encoder.fingerprint]))
    if version is None and not index.exclusive:
        assert {each.payload["version"] for each in after}.isdisjoint(each.payload["version"] for each in before)
        after = [
            replace(new, payload={**new.payload, "version": old.payload["version"]})
            for new, old in zip(after, before, strict=True)
        ]
    assert after == before
    assert (first.indexed, first.unchanged) == (2, 0)
    assert replace(second, seconds=first.seconds) == replace(first, unchanged=2)


def test_a_document_that_comes_again_is_newer_than_what_waits_elsewhere(index: Index, encoder: Encoder) -> None:
    if index.exclusive:
        pytest.skip("nobody else can write to a folder")
    run(index, encoder, *documents(None))
    (waiting,) = Indexer(encoder, index, SETTINGS).encode([Document("long", "Something else.")])
    deleted = Revision.deletion("short", waiting.version, waiting.version)
    while arrival_version() <= waiting.version:
        time.sleep(0.001)
    assert run(index, encoder, *documents(None)).unchanged == 2
    write(index, [waiting, deleted])
    assert texts(index, encoder)[0].startswith("This is sentence")
    assert texts(index, encoder, "short") == ["A short text."]


def test_a_newer_version_is_recorded_without_encoding(index: Index, encoder: Encoder) -> None:
    run(index, encoder, *documents(3))
    before, passes = stored(index, encoder), encoder.work.passes
    report = run(index, encoder, *documents(5))
    assert (report.indexed, report.unchanged, encoder.work.passes) == (2, 2, passes)
    assert stored(index, encoder) == [replace(each, payload={**each.payload, "version": 5}) for each in before]
    assert run(index, encoder, Document("long", "Late.", version=4)).superseded == 1
    assert stored(index, encoder)[0].payload["version"] == 5


@pytest.mark.parametrize("version", [None, 7])
def test_new_metadata_are_written_beside_the_old_vectors(index: Index, encoder: Encoder, version: int | None) -> None:
    run(index, encoder, *documents(version, lang="en"))
    before, passes = stored(index, encoder), encoder.work.passes
    report = run(index, encoder, *documents(version, lang="de"))
    assert (report.indexed, report.unchanged, encoder.work.passes) == (2, 0, passes)
    assert payloads(index, encoder, "metadata") == {"{'lang': 'de'}"}
    after = stored(index, encoder)
    assert len(after) == len(before) > 4
    assert all(new.vectors == old.vectors for new, old in zip(after, before, strict=True))
    filter = {"must": [{"key": "metadata.lang", "match": {"value": "de"}}]}
    found = SearchClient(index=index, encoder=encoder).search("sentence about lions", 100, filter=filter)
    assert sum(hit.id == "long" for hit in found) == len(after)
    assert run(index, encoder, *documents(version, lang="de")).unchanged == 2


@pytest.mark.parametrize(
    ("text", "title", "settings"),
    [
        (f"{LONG} More.", "Lions", SETTINGS),
        (LONG, "Tigers", SETTINGS),
        (LONG, "Lions", Settings(passage_tokens=24, passage_overlap=4)),
        (LONG, "Lions", Settings(passage_tokens=16, passage_overlap=0)),
    ],
)
def test_whatever_decides_passages_and_vectors_has_them_made_anew(
    index: Index, encoder: Encoder, text: str, title: str, settings: Settings
) -> None:
    run(index, encoder, *documents(7))
    before = stored(index, encoder)
    report = run(index, encoder, Document("long", text, title, version=7), settings=settings)
    assert (report.indexed, report.unchanged) == (1, 0)
    assert stored(index, encoder) != before


def test_vectors_of_another_precision_are_made_anew(index: Index, encoder: Encoder) -> None:
    run(index, encoder, *documents(7))
    before = stored(index, encoder)
    assert run(index, Encoder.load("tiny", "cpu", "onnx", "int8"), *documents(7)).unchanged == 0
    assert stored(index, encoder)[0].vectors != before[0].vectors


@pytest.mark.parametrize("version", [None, 7])
@pytest.mark.parametrize("ordinal", [0, 2, "last"])
def test_a_document_that_lacks_a_passage_is_written_again(
    index: Index, encoder: Encoder, version: int | None, ordinal: int | str
) -> None:
    run(index, encoder, *documents(version))
    whole = texts(index, encoder)
    lost = len(whole) - 1 if ordinal == "last" else ordinal
    index.delete({"must": [*of_documents(["long"])["must"], {"key": "ordinal", "match": {"value": lost}}]})
    report = run(index, encoder, *documents(version))
    assert (report.indexed, report.unchanged) == (2, 1)
    assert texts(index, encoder) == whole


@pytest.mark.parametrize("kept", [1, 3])
def test_passages_that_a_killed_run_left_of_two_revisions_are_written_again(
    index: Index, encoder: Encoder, kept: int
) -> None:
    run(index, encoder, Document("long", LONG.replace("lions", "birds"), "Lions", version=7))
    (newer,) = Indexer(encoder, index, SETTINGS).encode(documents(7)[:1])
    index.upsert(newer.points[:kept], keep_newer=True)
    assert len(texts(index, encoder)) == len(newer.points)
    run(index, encoder, *documents(7))
    assert texts(index, encoder) == [point.payload["text"] for point in newer.points]


@pytest.mark.parametrize("kept", [1, 3])
def test_metadata_that_a_killed_run_wrote_in_part_are_completed(index: Index, encoder: Encoder, kept: int) -> None:
    run(index, encoder, *documents(7, lang="en"))
    (newer,) = Indexer(encoder, index, SETTINGS).encode(documents(7, lang="de")[:1])
    index.upsert(newer.points[:kept], keep_newer=True)
    run(index, encoder, *documents(7, lang="de"))
    assert payloads(index, encoder, "metadata") == {"{'lang': 'de'}"}


def test_an_older_version_is_not_encoded_but_stale_passages_are_removed(index: Index, encoder: Encoder) -> None:
    run(index, encoder, Document("long", "One sentence about tigers.", version=9))
    passes = encoder.work.passes
    assert run(index, encoder, *documents(7)[:1]).superseded == 1
    assert encoder.work.passes == passes
    # A writer of the older version was killed after it wrote, and before it removed what came too late.
    (older,) = Indexer(encoder, index, SETTINGS).encode([Document("other", LONG, version=7)])
    late = [replace(each, payload={**each.payload, "doc_id": "long"}) for each in older.points[1:]]
    index.upsert(late, keep_newer=True)
    assert run(index, encoder, *documents(7)[:1]).superseded == 1
    assert texts(index, encoder) == ["One sentence about tigers."]


def test_a_deleted_document_comes_back_with_a_newer_version_only(index: Index, encoder: Encoder) -> None:
    run(index, encoder, *documents(7))
    delete_documents(index, ["long"], version=9)
    assert run(index, encoder, *documents(8)).superseded == 1
    assert texts(index, encoder) == ["deleted"]
    report = run(index, encoder, *documents(10))
    assert (report.indexed, report.unchanged) == (2, 1)
    assert len(texts(index, encoder)) > 4


@pytest.mark.parametrize("version", [None, 7])
def test_of_an_id_that_comes_twice_the_last_stands(index: Index, encoder: Encoder, version: int | None) -> None:
    same, other = Document("long", LONG, version=version), Document("long", "Others.", version=version)
    run(index, encoder, same)
    report = run(index, encoder, other, same)
    assert (report.indexed, report.duplicates, report.unchanged) == (1, 1, 0)
    assert len(texts(index, encoder)) > 4
    run(index, encoder, same, other)
    assert texts(index, encoder) == ["Others."]


def test_a_document_that_comes_twice_alike_is_not_encoded_again(
    index: Index, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = [*documents(None), *documents(None)]
    first = run(index, encoder, *twice)
    assert (first.indexed, first.duplicates) == (2, 2)
    assert first.passages == len(stored(index, encoder)) + 1, "each was encoded and written once"
    before = [each.payload["version"] for each in stored(index, encoder)]
    monkeypatch.setattr(Encoder, "encode_for_storage", None)  # whoever calls it fails
    report = run(index, encoder, *twice)
    assert (report.indexed, report.duplicates, report.unchanged) == (2, 2, 2)
    assert index.exclusive is False or [each.payload["version"] for each in stored(index, encoder)] == before


@pytest.mark.parametrize("version", [None, 7])
def test_values_that_are_equal_in_python_alone_make_two_documents_of_which_the_last_stands(
    index: Index, encoder: Encoder, version: int | None
) -> None:
    one, true = (Document("a", "A lion.", metadata={"read": value}, version=version) for value in (1, True))
    assert one == true
    run(index, encoder, true)
    assert run(index, encoder, one, true).duplicates == 1
    assert stored(index, encoder, "a")[0].payload["metadata"]["read"] is True


def test_a_document_that_no_search_finds_is_told_of_again(index: Index, tmp_path: Path) -> None:
    quiet = Encoder.load(quiet_tiny(tmp_path), "cpu", backend="torch")
    for unchanged in (0, 1):
        with Journal() as journal:
            sentences = [Document("a", "A lion hunts."), Document("b", ".")]
            report = Pipeline(quiet, index).run(sentences, journal=journal)
            assert (report.indexed, report.without_dims, report.unchanged) == (2, 1, unchanged)
            assert list(journal.never_found()) == ["b"]


def test_documents_of_an_index_without_digests_are_encoded_once_more(index: Index, encoder: Encoder) -> None:
    (made,) = Indexer(encoder, index, SETTINGS).encode(documents(7)[:1])
    old = [
        replace(each, payload={name: value for name, value in each.payload.items() if "digest" not in name})
        for each in made.points
    ]
    index.ensure(encoder.fingerprint, encoder.name)
    write(index, [Revision("long", 7, tuple(old))])
    assert [run(index, encoder, *documents(7)[:1]).unchanged for _ in range(2)] == [0, 1]


def test_operations_without_versions_get_them_in_their_order(index: Index, encoder: Encoder) -> None:
    # Digesting the metadata takes many milliseconds.
    large = Document("a", "A lion hunts.", metadata={"n": list(range(200_000))})
    versions = [
        each.version for each in Indexer(encoder, index, SETTINGS).encode([Document("b", "One."), large, Deletion("a")])
    ]
    assert versions == sorted(versions)
