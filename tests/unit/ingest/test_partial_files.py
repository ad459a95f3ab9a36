"""The beginning of a file: its documents are those of the file, and a record that is cut is left out."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document
from postings.errors import ReaderError
from postings_ingest.readers import format_and_fields
from tests.support.reading import read, write
from tests.support.strategies import documents

texts = st.text("a é,;\t\"'\n\r\u2028食", min_size=1, max_size=12).filter(str.strip)
rows = st.lists(st.tuples(texts, texts, texts), max_size=6)
TYPES = {"types": {"lang": "text"}}


def cut(path: Path, content: bytes, at: int, **options: Any) -> list[Document]:
    """What the beginning of a file has, which is what the file has there."""
    whole, rejected = read(write(path, content), **options)
    assert rejected == []
    found, rejected = read(write(path, content[:at]), partial=True, **options)
    assert rejected == []
    assert found == whole[: len(found)]
    return found


@given(data=st.data(), rows=rows, unix=st.booleans())
def test_the_beginning_of_a_table_has_its_first_rows(folder: Path, data: Any, rows: Any, unix: bool) -> None:
    out = io.StringIO(newline="")
    form: dict[str, Any] = {"lineterminator": "\n", "quoting": csv.QUOTE_ALL} if unix else {"lineterminator": "\r\n"}
    csv.writer(out, **form).writerows([["id", "text", "lang"], *rows])
    content = out.getvalue().encode()
    first = content.index(b"\n") + 1
    at = data.draw(st.integers(first, len(content)))
    found = cut(folder / "a.csv", content, at, **TYPES)
    if at == len(content):
        assert len(found) == len(rows)


@given(data=st.data(), documents=st.lists(documents, max_size=6), array=st.booleans(), indent=st.none() | st.just(1))
def test_the_beginning_of_json_has_its_first_objects(
    folder: Path, data: Any, documents: list[Document], array: bool, indent: int | None
) -> None:
    objects = [{"id": each.id, "text": each.text, "metadata": dict(each.metadata)} for each in documents]
    each = [json.dumps(one, indent=indent, ensure_ascii=False) for one in objects]
    content = (json.dumps(objects, indent=indent) if array else "\n".join(each)).encode()
    cut(folder / "a.json", content, data.draw(st.integers(0, len(content))))
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects).encode()
    at = data.draw(st.integers(0, len(lines)))
    assert len(cut(folder / "a.jsonl", lines, at)) == lines[:at].count(b"\n")


@pytest.mark.parametrize(("suffix", "end"), [("txt", ""), ("md", ""), ("html", "</p>")])
@given(text=st.text(min_size=1).filter(str.strip), data=st.data())
def test_the_beginning_of_a_text_is_a_text_even_if_a_character_is_cut(
    folder: Path, suffix: str, end: str, text: str, data: Any
) -> None:
    content = f"A title{text}".encode() + end.encode()
    at = data.draw(st.integers(len(b"A title"), len(content)))
    (found,), rejected = read(write(folder / f"a.{suffix}", content[:at]), partial=True)
    assert rejected == []
    assert found.text.startswith("A title")
    assert "\ufffd" in text or "\ufffd" not in found.text


LINES = b"".join(b'{"id": "%d", "text": "A man is eating food number %d."}\n' % (n, n * n) for n in range(50_000))
TABLE = b"id,text\n" + b"".join(b"%d,food number %d\n" % (n, n * n) for n in range(100_000))
"""Blocks of compressed files hold up to 128 KiB: these have several."""


def packed(suffix: str, content: bytes) -> bytes:
    if suffix == "gz":
        return gzip.compress(content)
    import pyarrow

    return bytes(pyarrow.compress(content, codec="zstd", asbytes=True))


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_the_beginning_of_a_compressed_file_is_read_as_far_as_it_goes(folder: Path, suffix: str) -> None:
    content = packed(suffix, LINES)
    for name, body in (
        (f"a.jsonl.{suffix}", content),
        (f"a.csv.{suffix}", packed(suffix, TABLE)),
    ):
        path = write(folder / name, body[: len(body) // 2])
        with pytest.raises(ReaderError, match="can't be read"):
            read(path)
        found, rejected = read(path, partial=True)
        assert len(found) > 1000
        assert rejected == []
    if suffix == "gz":  # of which not even the last block is lost
        found, _ = read(write(folder / "b.jsonl.gz", packed("gz", LINES[:5000])[:-20]), partial=True)
        assert len(found) > 50


def test_what_is_wrong_before_the_end_is_still_rejected(folder: Path) -> None:
    for name, content, lines in (
        ("a.jsonl", '{"id": 1}\nno\n{"id": 2, "text": "x"}\n{"id": ', [1, 2]),
        ("a.csv", 'id,text\n1\n2,"x"y\n3,x\n4,"cut', [2, 3]),
        ("a.json", '[{"id": 1}, no, {"id": 2, "text": "x"}, {"id": ', [1, 1]),
    ):
        found, rejected = read(write(folder / name, content), partial=True)
        assert len(found) == 1
        assert [each.line for each in rejected] == lines


@pytest.mark.parametrize(
    ("name", "content", "fields"),
    [
        ("a.csv", "sku;Beschreibung\n1;x\n", ["sku", "Beschreibung"]),
        ("a.csv", "\ufeffid,id,text", ["id", "id", "text"]),
        ("a.tsv", 'sku\t"name"\n', ["sku", '"name"']),
        ("a.csv", "", []),
        ("a.jsonl", '{"b": 1, "a": 2}\nno\n[1]\n{"c": 3, "a": {"d": 1}}\n', ["b", "a", "c"]),
        ("a.jsonl", '{"file": "a", "line": 1, "reason": "x", "record": {"sku": 1}}\n', ["sku"]),
        ("a.json", '[{"sku": 1}, {"price": 2}]', ["sku", "price"]),
        ("a.json", '{"sku": 1}\n{"\\ud800": 2}', ["sku", "\\ud800"]),
        ("a.txt", "id: 1", []),
        ("a.md", "---\nid: 1\n---\n", []),
    ],
)
def test_the_fields_are_named_whether_or_not_they_are_those_that_are_expected(
    folder: Path, name: str, content: str, fields: list[str]
) -> None:
    assert format_and_fields(write(folder / name, content))[1] == fields


def test_the_columns_of_parquet_are_named(folder: Path) -> None:
    import pyarrow
    from pyarrow.parquet import write_table

    write_table(pyarrow.table({"sku": [1], "name": ["x"]}), folder / "a.parquet")
    assert format_and_fields(str(folder / "a.parquet")) == ("parquet", ["sku", "name"])
    with pytest.raises(ReaderError, match="as Parquet"):
        format_and_fields(write(folder / "b.parquet", "x"))
