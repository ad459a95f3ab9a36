"""Values that JSON doesn't have get their documented form, wherever they stand; none of them rejects a document."""

from __future__ import annotations

import datetime
import json
import math
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow
import pytest
from hypothesis import given
from pyarrow import parquet

from postings import Document
from postings_ingest.readers.forms import id_text, json_form
from postings_ingest.readers.records import document_from_record
from tests.support.reading import omissions, read, write
from tests.support.strategies import json_values

UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")
DAY, MOMENT = datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)

FORMS: list[tuple[Any, Any]] = [
    (None, None),
    (math.nan, None),
    (np.float32("nan"), None),
    (Decimal("NaN"), None),
    (Decimal("sNaN"), None),
    (pandas.NaT, None),
    (pandas.NA, None),
    (np.datetime64("NaT"), None),
    (np.timedelta64("NaT"), None),
    (math.inf, "Infinity"),
    (-math.inf, "-Infinity"),
    (Decimal("-Infinity"), "-Infinity"),
    (2**63 - 1, 2**63 - 1),
    (2**63, "9223372036854775808"),
    (-(2**63) - 1, "-9223372036854775809"),
    (10**5000, "1" + "0" * 5000),
    (Decimal("1.50"), 1.5),
    (Decimal("2.00"), 2.0),
    (Decimal(7), 7),
    (Decimal(2**63), "9223372036854775808"),
    (Decimal("1E+400"), "1E+400"),
    (DAY, "2024-01-02"),
    (MOMENT, "2024-01-02T03:04:05+00:00"),
    (datetime.time(12, 30), "12:30:00"),
    (pandas.Timestamp("2024-01-02T03:04:05"), "2024-01-02T03:04:05"),
    (np.datetime64("2024-01-02T03:04:05", "ns"), "2024-01-02T03:04:05.000000000"),
    (datetime.timedelta(minutes=1, milliseconds=500), 60.5),
    (pandas.Timedelta("90s"), 90.0),
    (np.timedelta64(1500, "ms"), 1.5),
    (UUID, str(UUID)),
    (b"caf\xc3\xa9", "café"),
    (b"\xff\x00", "/wA="),
    (bytearray(b"a"), "a"),
    (memoryview(b"\xff"), "/w=="),
    (np.bytes_(b"a"), "a"),
    (np.int64(5), 5),
    (np.uint64(2**64 - 1), "18446744073709551615"),
    (np.float32(0.5), 0.5),
    (np.bool_(True), True),
    (np.str_("a"), "a"),
    (np.array([[1.0, np.nan]]), [[1.0, None]]),
    (
        {1: b"a", None: {2.5: ()}, UUID: {DAY: math.nan}},
        {"1": "a", "null": {"2.5": []}, str(UUID): {"2024-01-02": None}},
    ),
    ([(Decimal("0.1"), [math.nan]), frozenset({UUID})], [[0.1, [None]], [str(UUID)]]),
]


@pytest.mark.parametrize(("value", "expected"), FORMS, ids=[str(number) for number in range(len(FORMS))])
def test_each_value_gets_its_form_of_the_same_type_at_any_depth(value: Any, expected: Any) -> None:
    for wrapped, form in ((value, expected), ({"a": [{"b": value}]}, {"a": [{"b": expected}]})):
        got = json_form(wrapped)
        assert repr(got) == repr(form)
        assert json_form(got) == got
    assert document_from_record({"id": 1, "text": "x", "value": value}).metadata == {"value": expected}
    assert document_from_record({"id": 1, "text": "x", "metadata": {"value": value}}).metadata == {"value": expected}


@given(json_values)
def test_json_values_stay_as_they_are(value: Any) -> None:
    assert repr(json_form(value)) == repr(value)


@pytest.mark.parametrize(
    ("id", "text"),
    [
        ("a", "a"),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (2**70, str(2**70)),
        (Decimal("1.50"), "1.50"),
        (UUID, str(UUID)),
        (b"doc1", "doc1"),
        (b"\xff", "/w=="),
        (DAY, "2024-01-02"),
        (np.int32(3), "3"),
        (math.nan, None),
        (pandas.NaT, None),
        (None, None),
    ],
)
def test_an_id_of_any_scalar_type_becomes_its_text(id: Any, text: str | None) -> None:
    assert id_text(id) == text
    assert document_from_record({"id": id, "_id": text or "other", "text": "x"}).id == (text or "other")


@pytest.mark.parametrize("id", ["null", "NaN", '""'])
def test_an_id_that_is_not_there_gives_way_to_the_other(tmp_path: Path, id: str) -> None:
    path = write(tmp_path / "a.jsonl", f'{{"id": {id}, "_id": "b", "text": "x"}}')
    assert read(path) == ([Document("b", "x")], [])
    assert omissions(path) == []


def test_numbers_that_json_lacks_are_read_from_json_lines(tmp_path: Path) -> None:
    line = (
        '{"id": true, "text": "x", "title": 1984, "a": NaN, "b": [-Infinity, 1e999], "c": 9223372036854775808, "d": %s}'
        % ("9" * 5000)
    )
    expected = {"a": None, "b": ["-Infinity", "Infinity"], "c": "9223372036854775808", "d": "9" * 5000}
    assert read(write(tmp_path / "a.jsonl", line)) == ([Document("true", "x", "1984", expected)], [])


COLUMNS: dict[str, tuple[Any, Any]] = {
    "a decimal": (pyarrow.array([Decimal("1.50")], pyarrow.decimal128(10, 2)), 1.5),
    "a duration": (pyarrow.array([5_000_000_001], pyarrow.duration("ns")), 5.000000001),
    "NaN": (pyarrow.array([math.nan]), None),
    "half an infinity": (pyarrow.array([math.inf], pyarrow.float16()), "Infinity"),
    "a large integer": (pyarrow.array([2**64 - 1], pyarrow.uint64()), "18446744073709551615"),
    "a UUID": (pyarrow.array([UUID.bytes], pyarrow.uuid()), str(UUID)),
    "bytes": (pyarrow.array([b"\xff"]), "/w=="),
    "a map": (pyarrow.array([[("k", "v")]], pyarrow.map_(pyarrow.string(), pyarrow.string())), {"k": "v"}),
    "a map of numbers": (pyarrow.array([[(1, None)]], pyarrow.map_(pyarrow.int8(), pyarrow.date32())), {"1": None}),
    "a list of maps": (
        pyarrow.array([[[("k", DAY)], None]], pyarrow.list_(pyarrow.map_(pyarrow.string(), pyarrow.date32()))),
        [{"k": "2024-01-02"}, None],
    ),
    "a struct": (
        pyarrow.array(
            [{"m": [("k", 1.5)], "at": 1_999, "d": [Decimal("0.25")]}],
            pyarrow.struct(
                {
                    "m": pyarrow.map_(pyarrow.string(), pyarrow.float64()),
                    "at": pyarrow.timestamp("ns"),
                    "d": pyarrow.list_(pyarrow.decimal128(5, 2)),
                }
            ),
        ),
        {"m": {"k": 1.5}, "at": "1970-01-01T00:00:00.000001", "d": [0.25]},
    ),
    "a time": (pyarrow.array([1_999], pyarrow.time64("ns")), "00:00:00.000001"),
    "a day after the year 9999": (pyarrow.array([10**7], pyarrow.date32()), "29349-01-26"),
    "a list of such days": (pyarrow.array([[10**7]], pyarrow.list_(pyarrow.date32())), ["29349-01-26"]),
    "a moment after it": (pyarrow.array([10**16], pyarrow.timestamp("ms")), "318857-05-20T17:46:40.000"),
    "a duration of ages": (pyarrow.array([10**18], pyarrow.duration("s")), 1e18),
    "an unknown time zone": (
        pyarrow.array([1], pyarrow.timestamp("us", tz="Nowhere/Else")),
        "1970-01-01T00:00:00.000001+00:00",
    ),
    "text that isn't UTF-8": (
        pyarrow.Array.from_buffers(
            pyarrow.string(), 1, [None, pyarrow.py_buffer(b"\0\0\0\0\4\0\0\0"), pyarrow.py_buffer(b"caf\xe9")]
        ),
        "Y2Fm6Q==",
    ),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_an_odd_parquet_cell_does_not_reject_its_row(tmp_path: Path, case: str) -> None:
    column, expected = COLUMNS[case]
    parquet.write_table(pyarrow.table({"id": ["a"], "text": ["x"], "odd": column}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == ([Document("a", "x", metadata={"odd": expected})], [])
    null = column.slice(0, 0).cast(column.type) if len(column) == 0 else pyarrow.nulls(1, column.type)
    parquet.write_table(pyarrow.table({"id": ["a"], "text": ["x"], "odd": null}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == ([Document("a", "x", metadata={"odd": None})], [])


@pytest.mark.parametrize(
    ("column", "ids"),
    [
        (pyarrow.array([UUID.bytes], pyarrow.uuid()), [str(UUID)]),
        (pyarrow.array([Decimal("1.50")]), ["1.50"]),
        (pyarrow.array([b"doc1"]), ["doc1"]),
        (pyarrow.array([2**64 - 1], pyarrow.uint64()), ["18446744073709551615"]),
        (pyarrow.array([DAY]), ["2024-01-02"]),
        (pyarrow.array(["x"]).dictionary_encode(), ["x"]),
    ],
)
def test_parquet_ids_of_any_type_become_their_text(tmp_path: Path, column: Any, ids: list[str]) -> None:
    parquet.write_table(pyarrow.table({"id": column, "text": [b"a man"]}), tmp_path / "a.parquet")
    found, rejections = read(tmp_path / "a.parquet")
    assert ([document.id for document in found], rejections) == (ids, [])
    assert found[0].text == "a man"


def test_what_readers_give_can_always_be_sent_as_json() -> None:
    for value, _ in FORMS:
        document = document_from_record({"id": 1, "text": "x", "value": value})
        json.dumps(dict(document.metadata), allow_nan=False)
