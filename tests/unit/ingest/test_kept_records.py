"""What was rejected is kept whole, and read again once it is corrected; until then it is rejected again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from postings import Document
from postings_ingest import Rejection
from tests.support.reading import read, write

LONG = "A lion hunts. " * 1000


def keep(path: Path, rejections: list[Rejection]) -> str:
    """Write a ``--rejects`` file."""
    return write(path, "".join(json.dumps(each.to_json(), ensure_ascii=False) + "\n" for each in rejections))


def again(path: Path, source: str, replace: tuple[str, str] = ("", ""), **options: Any) -> Any:
    """Read a source, then what it rejected, after something is replaced in that file."""
    _, rejections = read(source, **options)
    kept = Path(keep(path / "rejects.jsonl", rejections))
    return read(write(kept, kept.read_text().replace(*replace)) if replace[0] else kept)


def test_a_rejected_record_is_kept_whole_and_read_once_it_is_corrected(tmp_path: Path) -> None:
    line = {"id": None, "text": LONG, "year": 2020, "metadata": {"lang": "en"}, "version": 3}
    source = write(tmp_path / "a.jsonl", json.dumps(line))
    expected = Document("lion", LONG, metadata={"year": 2020, "lang": "en"}, version=3)
    assert again(tmp_path, source, ('"id": null', '"id": "lion"')) == ([expected], [])


def test_of_a_record_of_fields_its_fields_are_kept_and_of_another_its_text(tmp_path: Path) -> None:
    _, rejections = read(write(tmp_path / "a.jsonl", f'{{"id": "a", "n": NaN}}\n{{"id": "b", "text": "{LONG}\n[1]\n'))
    assert [each.to_json() for each in rejections] == [
        {
            "file": str(tmp_path / "a.jsonl"),
            "line": 1,
            "reason": "text is missing: got the fields 'id', 'n'",
            "record": {"id": "a", "n": None},
        },
        {
            "file": str(tmp_path / "a.jsonl"),
            "line": 2,
            "reason": "not JSON: Unterminated string starting at column 21",
            "raw": f'{{"id": "b", "text": "{LONG}\n',
        },
        {
            "file": str(tmp_path / "a.jsonl"),
            "line": 3,
            "reason": "expected an object with id and text, got a list",
            "raw": "[1]\n",
        },
    ]


def test_text_that_was_no_record_is_read_once_it_is_one(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", '{"id": "a", "text": "x"')
    assert again(tmp_path, source, ('\\"x\\"', '\\"x\\"}')) == ([Document("a", "x")], [])
    table = write(tmp_path / "a.csv", "id,text\na,x,y\n")
    assert again(tmp_path, table, ('"raw": "a,x,y\\n"', '"record": {"id": "a", "text": "x,y"}')) == (
        [Document("a", "x,y")],
        [],
    )


SOURCES: dict[str, bytes] = {
    "a.jsonl": b'{"id": "a"}\n{"id": "b", "text": "caf\xe9"}\n{"id": "c", "text": "\\ud800"}\n[1]\nnonsense\n',
    "a.json": b'[{"id": "a"}, {"id": }, 5]',
    "a.csv": b'id,text\na,\nb,x,y\nc,caf\xe9\nd,"open\n',
    "a.tsv": b"id\ttext\n\tx\n",
    "bad.txt": b"caf\xe9",
    "empty.md": b"",
}


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_not_corrected_is_rejected_again_for_the_same_reason(tmp_path: Path, name: str) -> None:
    _, rejections = read(write(tmp_path / name, SOURCES[name]))
    kept = keep(tmp_path / "rejects.jsonl", rejections)
    found, second = read(kept)
    assert found == []
    assert [each.line for each in second] == list(range(1, len(rejections) + 1))
    assert [each.reason.removeprefix("invalid UTF-8: ") for each in second] == [
        each.reason.removeprefix("invalid UTF-8: ") for each in rejections
    ]
    # However often.
    third = read(keep(tmp_path / "again.jsonl", second))[1]
    assert [each.to_json() | {"file": ""} for each in third] == [each.to_json() | {"file": ""} for each in second]


def test_a_line_of_a_table_that_happens_to_be_json_keeps_its_reason(tmp_path: Path) -> None:
    (rejection,) = again(tmp_path, write(tmp_path / "a.csv", "id,text\n1\n"))[1]
    assert rejection.reason == "expected 2 cells as in the first line, got 1"


def test_a_row_of_a_table_keeps_its_types_and_the_names_of_its_fields(tmp_path: Path) -> None:
    content = "sku,body,year,zip,metadata,version\n,A lion,2020,01234,m,\nb,A cat,2021,10115,m,5\n"
    source = write(tmp_path / "a.csv", content)
    options = {"id_field": "sku", "text_field": "body"}
    expected = Document("a", "A lion", metadata={"year": 2020, "zip": "01234", "metadata": "m"})
    assert again(tmp_path, source, ('"sku": ""', '"sku": "a"'), **options) == ([expected], [])


def test_a_cell_that_is_not_of_its_type_is_kept_as_text(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", "id,text,year,n,version\na,x,then,1,now\n")
    _, (rejection,) = read(source, types={"year": "integer"})
    assert rejection.reason == "year must be an integer, got 'then'"
    assert rejection.record == {"id": "a", "text": "x", "year": "then", "n": 1, "version": "now"}


def test_a_row_of_parquet_keeps_all_that_json_can_hold(tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "id": ["a", None],
            "text": [b"caf\xe9", b"x"],
            "size": [1.5, float("nan")],
            "map": pyarrow.array([[("k", 1)], None], pyarrow.map_(pyarrow.string(), pyarrow.int8())),
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    _, rejections = read(tmp_path / "a.parquet")
    assert [each.record for each in rejections] == [
        {"id": "a", "size": 1.5, "map": {"k": 1}},
        {"id": None, "text": "x", "size": None, "map": None},
    ]
    corrected = again(tmp_path, str(tmp_path / "a.parquet"), ('"id": null', '"id": "b"'))
    assert corrected[0] == [Document("b", "x", metadata={"size": None, "map": None})]
    assert [each.reason for each in corrected[1]] == ["text is missing: got the fields 'id', 'map', 'size'"]


def test_a_record_beyond_8_mib_is_kept_by_its_beginning(tmp_path: Path) -> None:
    _, (rejection,) = read(write(tmp_path / "a.jsonl", "x" * 9_000_000))
    assert rejection.raw == "x" * 1000


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.floats() | st.integers(), max_size=3))
def test_what_is_kept_can_always_be_written(record: dict[str, Any]) -> None:
    json.dumps(Rejection.of("a", 1, "no", record, record).to_json(), ensure_ascii=False, allow_nan=False).encode()
    json.dumps(Rejection.of("\udce9", 1, "\ud800", "\ud800", {"a": "\ud800"}).to_json(), ensure_ascii=False).encode()


def test_other_records_with_such_names_are_documents(tmp_path: Path) -> None:
    row = {"file": "a", "line": 1, "reason": "r", "record": {"id": "b", "text": "y"}, "id": "a", "text": "x"}
    ((document,), _) = read(write(tmp_path / "a.jsonl", json.dumps(row)))
    assert document.id == "a"
