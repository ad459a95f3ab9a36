"""Parquet: what is read, which rows are rejected, and files that are damaged."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document
from postings.errors import ReaderError
from postings_ingest import estimate_documents, read_documents
from tests.support.reading import only_rejection, read, write
from tests.support.strategies import documents


def write_parquet(path: Path, **columns: Any) -> str:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), path)
    return str(path)


@given(st.lists(documents, min_size=1, max_size=4))
def test_documents_written_as_parquet_are_read_back_equal(folder: Path, documents: list[Document]) -> None:
    import pyarrow

    path = write_parquet(
        folder / "round-trip.parquet",
        id=[document.id for document in documents],
        text=[document.text for document in documents],
        title=[document.title or None for document in documents],
        version=pyarrow.array([document.version for document in documents], pyarrow.int64()),
        metadata=[{"length": len(document.text), "inner": [{"title": document.title}]} for document in documents],
    )
    found, rejections = read(path)
    assert rejections == []
    assert [(d.id, d.text, d.title, d.version) for d in found] == [
        (d.id, d.text, d.title, d.version) for d in documents
    ]
    assert [d.metadata for d in found] == [{"length": len(d.text), "inner": [{"title": d.title}]} for d in documents]
    assert estimate_documents(path) == len(documents)


def test_dates_at_any_depth_become_iso_8601(tmp_path: Path) -> None:
    day, moment = datetime.date(2020, 2, 29), datetime.datetime(2020, 2, 29, 12, 30, tzinfo=datetime.UTC)
    path = write_parquet(
        tmp_path / "a.parquet",
        id=[1],
        text=["x"],
        day=[day],
        time=[datetime.time(12, 30)],
        metadata=[{"moments": [{"at": moment}], "none": None}],
    )
    assert read(path)[0] == [
        Document(
            "1",
            "x",
            metadata={
                "day": "2020-02-29",
                "time": "12:30:00",
                "moments": [{"at": "2020-02-29T12:30:00+00:00"}],
                "none": None,
            },
        )
    ]


def test_nulls_in_parquet_stand_for_what_is_not_there(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        id=["a", None, "c", "d"],
        text=["x", "y", None, None],
        title=["t", None, "title", None],
        metadata=[None, {"k": 1}, {"k": None}, None],
    )
    found, rejections = read(path)
    assert found == [Document("a", "x", "t"), Document("c", "", "title", {"k": None})]
    assert [(rejection.line, rejection.reason.partition(":")[0]) for rejection in rejections] == [
        (2, "id is null"),
        (4, "text is null"),
    ]


def test_a_parquet_row_that_is_not_a_document_is_rejected_with_its_number(tmp_path: Path) -> None:
    # More rows than are read at once.
    path = write_parquet(
        tmp_path / "a.parquet",
        id=[str(number) for number in range(1000)],
        text=["x" if number not in (700, 800) else " " for number in range(1000)],
        score=[0.5] * 1000,
    )
    found, rejections = read(path)
    assert len(found) == 998
    assert [rejection.line for rejection in rejections] == [701, 801]
    assert rejections[0].reason == "document '700' has no text: text and title are empty"
    assert rejections[1].raw == "{'id': '800', 'text': ' ', 'score': 0.5}"


def test_nanoseconds_in_parquet_become_microseconds(tmp_path: Path) -> None:
    import pyarrow

    types = [pyarrow.timestamp("ns"), pyarrow.timestamp("ns", tz="UTC")]
    columns = {f"at{at}": pyarrow.array([1_999], type) for at, type in enumerate(types)}
    ((document,), rejections) = read(write_parquet(tmp_path / "a.parquet", id=["a"], text=["x"], **columns))
    assert document.metadata == {"at0": "1970-01-01T00:00:00.000001", "at1": "1970-01-01T00:00:00.000001+00:00"}
    assert rejections == []


def test_invalid_utf8_in_parquet_is_rejected_with_its_row(tmp_path: Path) -> None:
    import pyarrow

    offsets, data = pyarrow.py_buffer(b"\0\0\0\0\4\0\0\0\5\0\0\0"), pyarrow.py_buffer(b"caf\xe9y")
    text = pyarrow.Array.from_buffers(pyarrow.string(), 2, [None, offsets, data])
    rejection = only_rejection(write_parquet(tmp_path / "a.parquet", id=["a", "good"], text=text))
    assert (rejection.line, rejection.reason) == (1, "text isn't UTF-8: unexpected end of data at byte 3")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not Parquet at all, but long enough to look at", b"PAR1" * 10])
def test_a_file_that_is_not_parquet_is_reported(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "a.parquet", content)
    for use in (read, estimate_documents):
        with pytest.raises(ReaderError, match="can't be read as Parquet"):
            use(path)


def test_a_damaged_parquet_file_is_reported_after_what_could_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    numbers = [str(number) for number in range(20_000)]
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"id": numbers, "text": numbers}), path, row_group_size=1000)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = b"\xa5" * 4000
    path.write_bytes(content)
    found: list[Document] = []
    with pytest.raises(ReaderError, match="can't be read to its end"):
        found.extend(read_documents(str(path), print))
    assert [document.id for document in found] == numbers[: len(found)]
    assert found


def test_parquet_columns_of_one_name_are_reported(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    column = pyarrow.array(["x"])
    parquet.write_table(pyarrow.Table.from_arrays([column] * 3, names=["id", "text", "text"]), tmp_path / "a.parquet")
    with pytest.raises(ReaderError, match=r"a column name occurs twice: \['id', 'text', 'text'\]"):
        read(tmp_path / "a.parquet")
