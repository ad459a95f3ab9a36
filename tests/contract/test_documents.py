"""Documents of an index: read by id, exported, and deleted by a filter."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postings import Document, EdgeIndex, Encoder, Index, Settings
from postings.errors import CollectionNotFound, InvalidDocument, InvalidFilter
from postings.index import Filter
from postings.index.payload import of_documents
from postings.indexed_documents import export_documents, get_document
from postings_ingest import Pipeline, delete_documents, delete_matching, read_documents
from postings_ingest.deletion import matching_documents
from postings_query import SearchClient
from tests.support.examples import examples
from tests.support.strategies import ids, metadata

PAGE = "<p>guitars</p>" * 1000
LONG = (
    "\n A lion hunts at dusk. \n\nIts prey flees,\t and hides in a thicket.  A man eats bread! \r\n The end of it.  \n"
)
DOCUMENTS = [
    Document("long", LONG, "Lions", {"lang": "en", "html": PAGE, "year": 2020}, version=3),
    Document("short", " A woman plays violin.\n", metadata={"lang": "en", "year": 2021}, version=5),
    Document("french", "Une femme joue du violon.", "Violon", {"lang": "fr"}),
    Document("title", "", "A title alone", {"lang": "en"}, version=1),
]
SHORT = Settings(passage_tokens=8, passage_overlap=3)
ENGLISH: Filter = {"must": [{"key": "metadata.lang", "match": {"value": "en"}}]}
QUERIES = ["hunting lions", "playing the violin", "bread", "title"]


@pytest.fixture
def filled(empty_index: Index, encoder: Encoder) -> Index:
    Pipeline(encoder, empty_index, SHORT).run(DOCUMENTS)
    return empty_index


def exported(index: Index, filter: Filter | None = None) -> dict[str, Document]:
    return {each.document.id: each.document for each in export_documents(index, filter)}


def found(index: Index, encoder: Encoder) -> list[object]:
    client = SearchClient(index=index, encoder=encoder)
    return [(hit.id, hit.start, hit.score) for query in QUERIES for hit in client.search(query, limit=20)]


def read_back(file: Path) -> list[Document]:
    rejected: list[object] = []
    left_out: list[object] = []
    documents = list(read_documents(str(file), rejected.append, left_out.append))
    assert not rejected
    assert not left_out
    return documents


def test_a_document_is_read_as_it_was_ingested_with_passages_and_vectors(filled: Index, encoder: Encoder) -> None:
    read = get_document(filled, "long", vectors=[encoder.fingerprint])
    assert read is not None
    assert read.document == DOCUMENTS[0]
    assert len(read.passages) > 2
    assert [passage.ordinal for passage in read.passages] == list(range(len(read.passages)))
    for passage, vectors in zip(read.passages, read.vectors, strict=True):
        assert passage.text == LONG[passage.start : passage.end]
        assert passage.metadata == DOCUMENTS[0].metadata
        assert len(vectors[encoder.fingerprint]) > 10


def test_what_is_not_there_is_not_read(filled: Index) -> None:
    assert get_document(filled, "nobody") is None
    delete_documents(filled, ["short"])
    assert get_document(filled, "short") is None
    with pytest.raises(InvalidDocument):
        get_document(filled, "")


def test_an_export_has_all_documents_but_those_deleted(filled: Index) -> None:
    delete_documents(filled, ["short"])
    got = exported(filled)
    assert got.keys() == {"long", "french", "title"}
    assert (got["long"], got["title"]) == (DOCUMENTS[0], DOCUMENTS[3])
    assert exported(filled, ENGLISH).keys() == {"long", "title"}
    assert exported(filled, {"must": [{"key": "metadata.html", "match": {"value": PAGE}}]}).keys() == {"long"}


def test_reading_needs_a_collection_and_a_filter_on_documents(
    filled: Index, empty_index: Index, tmp_path: Path
) -> None:
    with EdgeIndex(tmp_path / "nothing") as nothing:
        for read in (lambda: list(export_documents(nothing)), lambda: get_document(nothing, "1")):
            with pytest.raises(CollectionNotFound):
                read()
    for key in ("text", "ordinal", "start"):
        with pytest.raises(InvalidFilter, match="selects passages"):
            export_documents(filled, {"should": [{"must_not": [{"key": key, "match": {"value": 1}}]}]})
    elements = {"nested": {"key": "metadata.rooms", "filter": {}}}
    least = {"min_should": {"conditions": [], "min_count": 1}}
    for empty in ({}, {"must": []}, {"must": [{"should": []}]}, least, {"must": [elements]}):
        with pytest.raises(InvalidFilter, match="no condition"):
            delete_matching(filled, empty)
    for lost in ({"gte": None}, {}):  # what JSON makes of NaN
        with pytest.raises(InvalidFilter, match=r"^filter\.must\[0\]\.range needs a bound"):
            delete_matching(filled, {"must": [{"key": "metadata.n", "range": lost}]})
    with pytest.raises(InvalidFilter, match="got NoneType"):
        delete_matching(filled, None)  # type: ignore[arg-type]
    with pytest.raises(InvalidFilter, match="no field is called"):
        export_documents(filled, {"must": [{"key": "lang", "match": {"value": "en"}}]})


def test_a_document_that_is_only_partly_stored_is_named_and_left_out(filled: Index) -> None:
    filled.delete({"must": [*of_documents(["long"])["must"], {"key": "ordinal", "match": {"value": 1}}]})
    missing: list[str] = []
    got = {each.document.id for each in export_documents(filled, incomplete=missing.append)}
    assert got == {"short", "french", "title"}
    assert missing == ["long"]
    assert get_document(filled, "long") is None


def test_an_exported_collection_that_is_ingested_again_is_equal(
    filled: Index, encoder: Encoder, tmp_path: Path
) -> None:
    before, hits = exported(filled), found(filled, encoder)
    file = tmp_path / "export.jsonl"
    records = [each.to_json(vectors=True) for each in export_documents(filled, vectors=[encoder.fingerprint])]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    with EdgeIndex(tmp_path / "other") as other:
        report = Pipeline(encoder, other, SHORT).run(read_back(file))
        assert report.indexed == len(DOCUMENTS)
        assert exported(other) == before
        got = found(other, encoder)
    assert [hit[:2] for hit in got] == [hit[:2] for hit in hits]  # type: ignore[index]
    assert [hit[2] for hit in got] == pytest.approx([hit[2] for hit in hits], rel=1e-6)  # type: ignore[index]
    assert Pipeline(encoder, filled, SHORT).run(read_back(file)).unchanged == len(DOCUMENTS)


pieces = st.sampled_from(["A lion hunts.", "a", "\n\n", " ", "\t", "\r\n", "\u2028", "日本語。", "e\u0301", "!", "\0"])


def exact(value: Any) -> Any:
    """With floats of a few digits: the engine parses others to within one unit in the last place."""
    match value:
        case float():
            return math.trunc(value) % 1000 / 8
        case dict():
            return {key: exact(each) for key, each in value.items()}
        case list():
            return [exact(each) for each in value]
    return value


long_texts = st.lists(pieces, min_size=1, max_size=40).map("".join).filter(str.strip)


@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.builds(Document, ids, long_texts, st.text(max_size=8), metadata.map(exact), st.integers(0, 2**53 - 1)),
        min_size=1,
        max_size=5,
        unique_by=lambda document: document.id,
    )
)
def test_any_documents_come_back_from_an_export_as_they_were(
    encoder: Encoder, tmp_path_factory: pytest.TempPathFactory, documents: Sequence[Document]
) -> None:
    folder = tmp_path_factory.mktemp("export")
    with EdgeIndex(folder) as index:
        Pipeline(encoder, index, SHORT).run(documents)
        records = [each.to_json() for each in export_documents(index)]
        file = folder / "export.jsonl"
        file.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
        read = {each.id: each for each in read_back(file)}
        assert read == {each.id: each for each in documents}
        report = Pipeline(encoder, index, SHORT).run(read.values())
        assert report.unchanged + report.without_dims >= len(documents)


def test_a_delete_by_filter_leaves_tombstones_and_all_others(filled: Index, encoder: Encoder) -> None:
    assert set(matching_documents(filled, ENGLISH)) == {"long", "short", "title"}
    done = delete_matching(filled, ENGLISH)
    assert (done.matching, done.deleted, dict(done.superseded)) == (3, 3, {})
    assert exported(filled).keys() == {"french"}
    assert filled.count(of_documents(["long"])) == 1
    again = Pipeline(encoder, filled, SHORT).run(DOCUMENTS[:2])
    assert (again.indexed, again.superseded) == (0, 2)
    assert delete_matching(filled, ENGLISH).matching == 0


def test_a_delete_by_filter_keeps_what_is_newer(filled: Index) -> None:
    done = delete_matching(filled, ENGLISH, version=4)
    assert (done.matching, done.deleted, dict(done.superseded), done.version) == (3, 2, {"short": 5}, 4)
    assert exported(filled).keys() == {"short", "french"}


def test_many_documents_are_deleted_page_by_page(empty_index: Index, encoder: Encoder) -> None:
    documents = [Document(str(number), f"lion {number}", metadata={"odd": number % 2}) for number in range(600)]
    Pipeline(encoder, empty_index).run(documents)
    seen: list[int] = []
    odd: Filter = {"must": [{"key": "metadata.odd", "match": {"value": 1}}]}
    assert delete_matching(empty_index, odd, progress=seen.append).deleted == 300
    assert seen == [256, 300]
    assert len(list(export_documents(empty_index))) == 300


def test_an_export_reads_a_page_at_a_time(filled: Index) -> None:
    documents = export_documents(filled)
    assert isinstance(documents, Iterator)
    assert next(documents).document.id in {each.id for each in DOCUMENTS}


def test_an_export_while_documents_are_written_gives_each_in_a_state_that_it_had(
    empty_index: Index, encoder: Encoder
) -> None:
    """Revisions differ in their number of passages, so a mixture of two would show."""
    texts = [f"Revision {number}. " + "A lion hunts antelopes at dusk. " * (number % 3 + 1) for number in range(12)]
    pipeline = Pipeline(encoder, empty_index, SHORT)
    pipeline.run(Document(str(id), texts[0], version=0) for id in range(5))
    failed: list[BaseException] = []

    def write() -> None:
        try:
            for version, text in enumerate(texts):
                pipeline.run(Document(str(id), text, version=version) for id in range(5))
        except BaseException as error:
            failed.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while True:
            done = not writer.is_alive()
            for each in export_documents(empty_index):
                assert each.document.text == texts[each.document.version or 0]
            if done:
                break
    finally:
        writer.join()
    assert not failed
    assert {each.version for each in exported(empty_index).values()} == {len(texts) - 1}
