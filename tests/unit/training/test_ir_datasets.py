"""Data sets of ir-datasets, where a BEIR folder is expected; with the library, and files on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from postings.errors import MissingExtra, ReaderError
from postings.ir_dataset import IrDataset, Text, is_ir_dataset
from postings_ingest import estimate_documents, read_documents
from postings_training.data import CorpusText, load_beir, load_corpus, load_judgements, load_queries, load_set
from postings_training.data.rows import read_rows
from postings_training.leaks.provenance import Source
from tests.support.beir import ENCYCLOPEDIA, write_beir
from tests.support.ir_datasets import of_files, of_folder, registered
from tests.support.jsonl import write_jsonl
from tests.support.reading import read


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_beir(
        tmp_path / "cats",
        {"a": "A lion is a big cat.", "b": "A dog barks.", "c": "東京 🦁"},
        {"q": "big cat", "r": "pet", "unjudged": "x"},
        {"q": {"a": 2, "b": 0}, "r": {"b": 1, "c": -1}},
    )


def test_a_set_is_that_of_its_folder_but_for_its_name(tmp_path: Path) -> None:
    (tmp_path / "encyclopedia").symlink_to(ENCYCLOPEDIA)  # beside which qrels can be written
    source = of_folder(tmp_path / "encyclopedia")
    own, expected = load_set(source), load_set(ENCYCLOPEDIA)
    assert (own.corpus, own.judged) == (expected.corpus, expected.judged)
    assert own.name == source.removeprefix("ir-datasets:")
    assert list(own.judged.queries) == list(expected.judged.queries)
    assert load_beir(Path(source)).queries == expected.judged.queries


def test_the_split_is_in_the_id(folder: Path) -> None:
    source = of_folder(folder)
    assert load_judgements(source, "train") == load_judgements(folder) == load_judgements(source)


def test_some_documents_of_a_corpus_are_read(folder: Path) -> None:
    assert load_corpus(of_folder(folder), only={"b"}) == {"b": CorpusText("", "A dog barks.")}


def test_rows_to_train_on_are_those_of_the_folder_and_have_a_digest(folder: Path) -> None:
    source = of_folder(folder)
    rows = [(row.query, row.positive, row.doc_id) for _, row in read_rows(source)]
    assert rows == [(row.query, row.positive, row.doc_id) for _, row in read_rows(folder, "test")]
    assert [place for place, _ in read_rows(source)] == [f"{source} (q, a)", f"{source} (r, b)"]
    described = Source.of(source)
    assert (described.rows, described.digest) == (2, Source.of(source).digest)
    assert described.changed() == "not found"
    lines = (folder / "queries.jsonl").read_text().replace("pet", "pets")
    (folder / "queries.jsonl").write_text(lines)
    assert Source.of(source).digest != described.digest


def test_documents_of_all_shapes_have_a_text(tmp_path: Path) -> None:
    record = {"_id": "a", "title": "T", "text": "x", "abstract": "y", "url": "u"}
    corpus = write_jsonl(tmp_path / "corpus", [record])
    for fields, expected in (
        ({"doc_id": "_id", "text": "text", "url": "url"}, Text("a", "", "x")),
        ({"doc_id": "_id", "text": "text", "title": "title"}, Text("a", "T", "x")),
        ({"doc_id": "_id", "title": "title", "abstract": "abstract"}, Text("a", "", "T y")),
    ):
        assert list(IrDataset(of_files(corpus, corpus, corpus, fields)).documents()) == [expected]


def test_documents_are_ingested_and_those_that_cannot_be_are_rejected(tmp_path: Path) -> None:
    records = [{"_id": "a", "title": "T", "text": "x"}, {"_id": "b", "title": "", "text": " "}]
    corpus = write_jsonl(tmp_path / "corpus", [*records, {"_id": "c", "title": "", "text": "z"}])
    source = of_files(corpus, corpus, corpus)
    found, (rejection,) = read(source)
    assert [(each.id, each.title, each.text, each.source) for each in found] == [
        ("a", "T", "x", f"{source}:1"),
        ("c", "", "z", f"{source}:3"),
    ]
    assert (rejection.file, rejection.line, rejection.record) == (source, 2, {"id": "b", "title": "", "text": " "})
    assert estimate_documents(source) is None


@pytest.mark.parametrize(
    ("path", "options", "reason"),
    [
        ("ir-datasets:cranfield", {"format": "jsonl"}, "is a data set of ir-datasets, so it can't be read as jsonl"),
        ("ir-datasets:cranfield", {"id_field": "sku"}, "a data set of ir-datasets has no fields"),
        ("conftest.py", {"format": "ir-datasets"}, "can't be read as ir-datasets: expected ir-datasets:ID"),
        ("ir-datasets:nowhere", {}, "ir-datasets has no data set 'nowhere'"),
        ("ir-datasets:", {}, "ir-datasets has no data set ''"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_read(path: str, options: dict[str, str], reason: str) -> None:
    with pytest.raises(ReaderError, match=reason):
        estimate_documents(path, **options)  # type: ignore[arg-type]
    with pytest.raises(ReaderError, match=reason):
        list(read_documents(path, pytest.fail, **options))  # type: ignore[arg-type]


def test_a_set_without_a_part_says_so(folder: Path) -> None:
    from ir_datasets.formats import TsvDocs
    from ir_datasets.util import LocalDownload

    source = registered(docs=TsvDocs(LocalDownload(folder / "corpus.jsonl")))
    for reads, part in ((load_queries, "queries"), (load_judgements, "qrels"), (load_beir, "queries")):
        with pytest.raises(ReaderError, match=f"{source} has no {part}: name a data set with {part}"):
            reads(source)


def test_what_cannot_be_downloaded_or_is_malformed_is_named(folder: Path, tmp_path: Path) -> None:
    from ir_datasets.formats import TrecQrels
    from ir_datasets.util import Download, RequestsDownload

    nowhere = Download([RequestsDownload("http://127.0.0.1:9/qrels", tries=1)], tmp_path / "downloaded")
    source = registered(qrels=TrecQrels(nowhere, {}))
    with pytest.raises(ReaderError, match=rf"{source} can't be read: .*127\.0\.0\.1.*refused"):
        load_judgements(source)
    source = of_folder(folder)
    (folder / "corpus.jsonl").write_text('{"_id": "a"}\n')
    with pytest.raises(ReaderError, match=f"{source} can't be read: 'title'"):
        load_corpus(source)
    (folder / "queries.jsonl").unlink()
    with pytest.raises(ReaderError, match=rf"{source} can't be read: .*queries\.jsonl"):
        load_queries(source)


def test_what_does_not_fit_together_is_named_by_the_set(folder: Path) -> None:
    source = of_folder(folder)
    write_jsonl(folder / "corpus.jsonl", [{"_id": "a", "title": "", "text": "x"}] * 2)
    with pytest.raises(ReaderError, match=f"{source}: the document 'a' occurs twice"):
        load_corpus(source)
    write_jsonl(folder / "corpus.jsonl", [{"_id": "a", "title": "", "text": "x"}])
    with pytest.raises(ReaderError, match=rf"{source} judges 2 documents that {source} doesn't have, such as 'b'"):
        load_set(source)
    with pytest.raises(ReaderError, match=rf"{source} judges the document 'b', which the corpus of {source} "):
        list(read_rows(source))
    write_jsonl(folder / "queries.jsonl", [{"_id": "q", "text": "big cat"}, {"_id": "r", "text": " "}])
    with pytest.raises(ReaderError, match=rf"{source} judges 1 queries that {source} doesn't have, such as 'r'"):
        load_set(source)


def test_of_several_grades_the_highest_counts_and_none_is_an_error(folder: Path) -> None:
    source = of_folder(folder)
    qrels = folder.parent / "cats.test.qrels"
    qrels.write_text("q 0 a 1\nq 0 a 2\nq 0 a 0\n")
    assert load_judgements(source) == {"q": {"a": 2}}
    qrels.write_text("q 0 a 10001\n")
    with pytest.raises(ReaderError, match="document 'a' has the grade 10,001 for query 'q', which is too high"):
        load_judgements(source)
    qrels.write_text("")
    with pytest.raises(ReaderError, match=f"{source} holds no judgement"):
        load_judgements(source)


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_datasets", None)
    with pytest.raises(MissingExtra, match=r"reading ir-datasets:cranfield .* pip install 'postings\[ir-datasets\]'"):
        load_set("ir-datasets:cranfield")


def test_only_the_prefix_names_a_set() -> None:
    assert is_ir_dataset(Path("ir-datasets:beir/nfcorpus/test"))
    assert not any(map(is_ir_dataset, ("ir_datasets:x", "./ir-datasets:x", "beir/nfcorpus", "")))
