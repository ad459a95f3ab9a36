"""Formats and fields that the caller names."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from postings import Document
from postings.errors import ReaderError
from postings_ingest import estimate_documents
from tests.support.reading import omissions, read, write

OPTIONS = {"id_field": "sku", "text_field": "body", "title_field": "name"}
ROW = '{"sku": 7, "body": "A red guitar.", "name": "Guitar", "id": 1, "text": "old", "year": 2020}'
EXPECTED = Document("7", "A red guitar.", "Guitar", {"id": 1, "text": "old", "year": 2020})


def test_records_name_their_fields_in_every_format(tmp_path: Path) -> None:
    table = pyarrow.table({"sku": [7], "body": ["A red guitar."], "name": ["Guitar"], "id": [1], "text": ["old"]})
    parquet.write_table(table.append_column("year", pyarrow.array([2020])), tmp_path / "a.parquet")
    header, cells = "sku,body,name,id,text,year", "7,A red guitar.,Guitar,1,old,2020"
    paths = [
        tmp_path / "a.parquet",
        write(tmp_path / "a.jsonl", ROW),
        write(tmp_path / "a.csv", f"{header}\n{cells}\n"),
        write(tmp_path / "a.tsv", f"{header}\n{cells}\n".replace(",", "\t")),
    ]
    for path in paths:
        assert read(path, **OPTIONS) == ([EXPECTED], [])


def test_one_field_may_be_named_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"_id": "a", "text": "x", "name": "t"}')
    assert read(path, title_field="name") == ([Document("a", "x", "t")], [])
    assert read(path, id_field="name") == ([Document("t", "x", metadata={"_id": "a"})], [])
    assert omissions(path) == []


def test_what_lacks_the_named_fields_says_so(tmp_path: Path) -> None:
    _, rejections = read(write(tmp_path / "a.jsonl", '{"id": "a"}\n{"sku": 1, "text": "x"}'), **OPTIONS)
    assert [rejection.reason for rejection in rejections] == [
        "id is missing: expected 'sku', got the fields 'id'",
        "text is missing: expected 'body', got the fields 'sku', 'text'",
    ]
    with pytest.raises(ReaderError, match=r"expected the columns 'sku' and 'body' and 'name' in the first line, got"):
        read(write(tmp_path / "a.csv", "sku,body\n1,x\n"), **OPTIONS)
    parquet.write_table(pyarrow.table({"id": ["a"], "text": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(ReaderError, match=r"a field that was named isn't a column: expected one of \['id', 'text'\]"):
        read(tmp_path / "a.parquet", **OPTIONS)


@pytest.mark.parametrize("use", [read, estimate_documents])
def test_texts_have_no_fields(tmp_path: Path, use: Any) -> None:
    with pytest.raises(ReaderError, match="a text file has no fields"):
        use(write(tmp_path / "a.txt", "x"), id_field="sku")


@pytest.mark.parametrize(
    ("name", "content", "format", "expected"),
    [
        ("export", '{"id": "a", "text": "x"}', "jsonl", ["a"]),
        ("a.json", '{"id": "a", "text": "x"}\n{"id": "b", "text": "x"}', "jsonl", ["a", "b"]),
        ("a.txt", "id,text\na,x\n", "csv", ["a"]),
        ("a.dat", 'id\ttext\na\t"x\n', "tsv", ["a"]),
    ],
)
def test_a_named_format_counts_instead_of_the_name(
    tmp_path: Path, name: str, content: str, format: str, expected: list[str]
) -> None:
    found, rejections = read(write(tmp_path / name, content), format=format)
    assert ([document.id for document in found], rejections) == (expected, [])


def test_a_text_of_any_name_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(Path("README.rst"), "A man is eating.")
    assert read(path, format="text") == ([Document("README.rst", "A man is eating.", "README", {"path": path})], [])


def test_a_folder_with_a_corpus_can_be_read_as_texts(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", '{"_id": "d", "text": "x"}')
    write(tmp_path / "a.txt", "x")
    assert [document.id for document in read(tmp_path)[0]] == ["d"]
    assert [document.id for document in read(tmp_path, format="text")[0]] == [f"{tmp_path}/a.txt"]


@pytest.mark.parametrize("use", [read, estimate_documents])
@pytest.mark.parametrize(
    ("name", "format", "message"),
    [
        ("a.jsonl", "xml", "unknown format 'xml': expected one of beir, csv, "),
        ("a.jsonl", "beir", "can't be read as beir: it isn't a folder"),
        (".", "beir", "can't be read as beir: it holds no corpus.jsonl"),
        (".", "csv", "is a folder, so it can't be read as csv: expected beir or text"),
        ("-", "html", "- can't be read as html: name a file or a folder"),
        ("-", "beir", "- can't be read as beir: name a file or a folder"),
    ],
)
def test_a_format_that_cannot_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: Any, name: str, format: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("a.jsonl"), '{"id": "a", "text": "x"}')
    with pytest.raises(ReaderError, match=message):
        use(name, format=format)


def test_a_version_may_be_written_as_a_float(tmp_path: Path) -> None:
    lines = '{"id": "a", "text": "x", "version": 1.0}\n{"id": "b", "text": "x", "version": NaN}\n'
    table = pyarrow.table({"id": ["a", "b"], "text": ["x", "x"], "version": pyarrow.array([1.0, math.nan])})
    parquet.write_table(table, tmp_path / "a.parquet")
    for path in (
        write(tmp_path / "a.jsonl", lines),
        write(tmp_path / "a.csv", "id,text,version\na,x,1.0\nb,x,nan\n"),
        str(tmp_path / "a.parquet"),
    ):
        found, rejections = read(path)
        assert ([document.version for document in found], rejections) == ([1, None], [])
