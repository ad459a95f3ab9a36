from __future__ import annotations

import codecs
import csv
import datetime
import io
import json
import math
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document
from postings.errors import ReaderError
from postings_ingest import Rejection, estimate_documents, read_documents
from tests.support.reading import ids_and_lines, read, write
from tests.support.strategies import documents, said, versions

awkward_texts = st.text("a é,;\t\"'\n\r\u2028\0", min_size=1, max_size=12).filter(str.strip) | said
rows = st.builds(
    Document,
    awkward_texts,
    awkward_texts,
    st.just("") | awkward_texts,
    st.fixed_dictionaries({"lang": st.just("") | awkward_texts}),
    versions,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readers")


def only_rejection(path: str | Path) -> Rejection:
    found, (rejection,) = read(path)
    assert [document.id for document in found] == ["good"]
    return rejection


# JSON Lines

GOOD = b'{"id": "good", "text": "A man is eating food."}\n'


@given(st.lists(documents, max_size=6), st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n", "\n \t\n"]))
def test_documents_written_as_json_lines_are_read_back_equal(
    folder: Path, documents: list[Document], ascii: bool, newline: str
) -> None:
    lines = [json.dumps(asdict(document), ensure_ascii=ascii) for document in documents]
    path = write(folder / "round-trip.jsonl", newline.join(lines))
    assert read(path) == (documents, [])
    assert read(write(folder / "round-trip.NDJSON", "\ufeff" + newline.join(lines) + newline)) == (documents, [])


MALFORMED: dict[str, tuple[bytes, str]] = {
    "not JSON": (b'{"id": "a", "text" "x"}', r"not JSON: Expecting ':' delimiter at column 20"),
    "cut off": (b'{"id": "a", "text": "x', r"not JSON: Unterminated string starting at column 21"),
    "two objects": (b'{"id": "a", "text": "x"} {}', r"not JSON: Extra data at column 26"),
    "a list": (b'["a", "x"]', r"expected an object with id and text, got a list"),
    "a string": (b'"x"', r"expected an object with id and text, got a string"),
    "null": (b"null", r"expected an object with id and text, got null"),
    "no id": (b'{"text": "x", "name": 1}', r"id is missing: expected 'id' or '_id', got the fields 'name', 'text'"),
    "a null id": (b'{"id": null, "text": "x"}', r"id is null: expected 'id' or '_id', got the fields 'id', 'text'"),
    "an empty id": (b'{"id": "", "text": "x"}', r"id is empty"),
    "an id that is an object": (b'{"id": {}, "text": "x"}', r"id must be a string or another scalar, got dict"),
    "a long id": (b'{"id": "%s", "text": "x"}' % (b"a" * 513), r"id may have at most 512 characters, got 513"),
    "no text": (b'{"id": "a"}', r"text is missing: got the fields 'id'"),
    "no fields": (b"{}", r"id is missing: .* got the fields none"),
    "an empty text": (b'{"id": "a", "text": " "}', r"has no text"),
    "a text that is a number": (b'{"id": "a", "text": 5}', r"text must be a string, got int"),
    "a title that is a list": (b'{"id": "a", "title": ["x"]}', r"title must be a string, got list"),
    "metadata that is a list": (b'{"id": "a", "text": "x", "metadata": []}', r"metadata must be an object, got a list"),
    "a version that is a string": (b'{"id": "a", "text": "x", "version": "1"}', r"version must be an integer, got '1'"),
    "a version that is a fraction": (
        b'{"id": "a", "text": "x", "version": 7.5}',
        r"version must be an integer, got 7.5",
    ),
    "a negative version": (b'{"id": "a", "text": "x", "version": -1}', r"version must be in"),
    "invalid UTF-8": (b'{"id": "a", "text": "caf\xe9"}', r"invalid UTF-8: byte 0xe9 at position 24"),
    "UTF-16": ('{"id": "a", "text": "x"}'.encode("utf-16"), r"invalid UTF-8: byte 0xff at position 0"),
    "UTF-8 of a surrogate": (b'{"id": "a", "text": "\xed\xa0\x80"}', r"invalid UTF-8: byte 0xed at position 21"),
    "an escaped surrogate in the text": (
        b'{"id": "a", "text": "\\ud800"}',
        r"text isn't valid Unicode: a lone surrogate",
    ),
    "an escaped surrogate in the id": (b'{"id": "\\udc00", "text": "x"}', r"id isn't valid Unicode: a lone surrogate"),
    "an escaped surrogate in a field": (
        b'{"id": "a", "text": "x", "\\ud800": 1}',
        r"a key of metadata isn't valid Unicode",
    ),
    "deep nesting": (b'{"id": "a", "text": "x", "a": %s1%s}' % (b"[" * 100_000, b"]" * 100_000), r"nested too deeply"),
    "nesting": (b'{"id": "a", "text": "x", "a": %s1%s}' % (b"[" * 50, b"]" * 50), r"nested more than 32 levels deep"),
    "a 10 MB line": (b'{"id": "a", "text": "%s"}' % (b"x" * 10_000_000), r"the record is longer than 8 MiB"),
    "a line of 10 MB of spaces": (b" " * 10_000_000, r"the record is longer than 8 MiB"),
    "a line of NULs": (b"\0\0\0", r"not JSON"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_line_is_rejected_with_its_place_and_the_rest_goes_on(tmp_path: Path, case: str) -> None:
    line, reason = MALFORMED[case]
    path = write(tmp_path / "bad.jsonl", b"\n" + line + b"\n" + GOOD)
    rejection = only_rejection(path)
    assert (rejection.file, rejection.line) == (path, 2)
    assert re.search(reason, rejection.reason)
    assert len(rejection.reason) < 400
    whole = line if len(line) <= 8 * 2**20 else line[:1000]
    assert rejection.raw.strip() == whole.decode(errors="backslashreplace").strip()
    # As the last line, without a line break, it is the same.
    assert only_rejection(write(tmp_path / "bad.jsonl", GOOD + line)).line == 2


@given(st.lists(st.sampled_from(["good", "blank", *MALFORMED.keys() - {"a 10 MB line", "a line of 10 MB of spaces"}])))
def test_every_malformed_line_and_only_those_are_rejected(folder: Path, kinds: list[str]) -> None:
    lines = {"good": GOOD.strip(), "blank": b" \t\r"} | {name: line for name, (line, _) in MALFORMED.items()}
    path = write(folder / "mixed.jsonl", b"\n".join(lines[kind] for kind in kinds))
    good, rejected = ids_and_lines(path)
    assert good == ["good"] * kinds.count("good")
    assert rejected == [number for number, kind in enumerate(kinds, 1) if kind in MALFORMED]


def is_record(line: bytes) -> bool:
    return bool(line.removeprefix(codecs.BOM_UTF8).strip())


@given(st.lists(st.binary(max_size=30)))
def test_any_bytes_are_read_or_rejected(folder: Path, lines: list[bytes]) -> None:
    content = b"\n".join(lines)
    found, rejections = read(write(folder / "any.jsonl", content))
    expected = [number for number, line in enumerate(content.split(b"\n"), 1) if is_record(line)]
    assert len(found) + len(rejections) == len(expected)
    if not found:
        assert [rejection.line for rejection in rejections] == expected


def test_fields_beside_the_known_ones_become_metadata(tmp_path: Path) -> None:
    line = {"_id": 7, "title": None, "text": "x", "lang": "en", "metadata": {"year": 2020, "lang": "de"}, "version": 3}
    (document,), _ = read(write(tmp_path / "a.jsonl", json.dumps(line)))
    assert document == Document("7", "x", metadata={"lang": "de", "year": 2020}, version=3)


def test_of_a_key_that_stands_twice_the_last_counts_as_in_every_json_parser(tmp_path: Path) -> None:
    (document,), _ = read(write(tmp_path / "a.jsonl", '{"id": "a", "id": "b", "text": "x"}'))
    assert document.id == "b"


def test_a_line_of_exactly_8_mib_is_read(tmp_path: Path) -> None:
    line = b'{"id": "good", "text": "x", "fill": ["%s"]}\n'
    fill = b'", "'.join([b"x" * 2_000_000] * 4)
    fill += b"x" * (8 * 2**20 - len(line % fill))
    assert len(line % fill) == 8 * 2**20
    path = write(tmp_path / "a.jsonl", (line % fill) + (line % (fill + b"x")))
    assert ids_and_lines(path) == (["good"], [2])


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_a_file_without_records_gives_none(tmp_path: Path, content: bytes) -> None:
    assert read(write(tmp_path / "a.jsonl", content)) == ([], [])


# CSV and TSV


def table(header: list[str], records: list[list[str]], **options: Any) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, **options).writerows([header, *records])
    return out.getvalue()


@given(st.lists(rows, max_size=5), st.sampled_from([",", ";", "\t"]), st.booleans(), st.booleans())
def test_documents_written_as_csv_are_read_back_equal(
    folder: Path, documents: list[Document], delimiter: str, unix: bool, bom: bool
) -> None:
    records = [
        [d.id, d.title, d.text, d.metadata["lang"], "" if d.version is None else str(d.version)] for d in documents
    ]
    header = ["id", "title", "text", "lang", "version"]
    # With "\n" between the lines, Python's writer leaves "\r" in a cell without quotes.
    form: dict[str, Any] = {"lineterminator": "\n", "quoting": csv.QUOTE_ALL} if unix else {"lineterminator": "\r\n"}
    content = table(header, records, delimiter=delimiter, **form)
    path = write(folder / "a.CSV", "\ufeff" * bom + content)
    assert read(path, types={"lang": "text"}) == (documents, [])


RECORDS: dict[str, tuple[str, str | None]] = {
    "good": ("good,fine", None),
    "quoted": ('"good","fine, ""really"""', None),
    "on three lines": ('good,"one\ntwo\nthree"', None),
    "on two lines with CRLF": ('good,"one\r\ntwo"', None),
    "a blank line": ("", None),
    "a quote within": ('good,5" pipe', None),
    "too few cells": ("a", r"expected 2 cells as in the first line, got 1"),
    "too many cells": ("a,b,c", r"expected 2 cells as in the first line, got 3"),
    "too many cells on two lines": ('a,"b\nc",d', r"expected 2 cells as in the first line, got 3"),
    "white space": ("   ", r"expected 2 cells as in the first line, got 1"),
    "no id": (",text", r"id is empty"),
    "no text": ("a,", r"has no text"),
    "no text on three lines": ('a,"\n\n"', r"has no text"),
    "text after a quote": ('a,"b"c', r"not CSV: ',' expected after '\"'"),
}


@given(st.lists(st.sampled_from(list(RECORDS)), max_size=12))
def test_csv_rejections_name_the_line_on_which_the_record_begins(folder: Path, kinds: list[str]) -> None:
    content, line, expected = "id,text\n", 2, []
    for kind in kinds:
        record, reason = RECORDS[kind]
        content += record + "\n"
        if reason:
            expected.append((line, reason))
        line += record.count("\n") + 1
    found, rejections = read(write(folder / "lines.csv", content))
    assert [rejection.line for rejection in rejections] == [line for line, _ in expected]
    for rejection, (_, reason) in zip(rejections, expected, strict=True):
        assert re.search(reason, rejection.reason)
    assert len(found) == sum(RECORDS[kind][1] is None and kind != "a blank line" for kind in kinds)


def test_the_header_of_a_csv_may_span_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,text,"two\nlines; or; more; than; that"\na,x,1\nb,,2\nc,y,3\n')
    found, rejections = read(path)
    assert [document.metadata for document in found] == [
        {"two\nlines; or; more; than; that": 1},
        {"two\nlines; or; more; than; that": 3},
    ]
    assert [rejection.line for rejection in rejections] == [4]


@pytest.mark.parametrize(
    ("record", "reason", "others"),
    [
        ('bad,"never closed', "unexpected end of data", []),
        ('bad,"closed here"too late', "',' expected after '\"'", []),
        # The lines of the record are read again, as what they look like.
        ('bad,"first\nsecond', "unexpected end of data", [3]),
        ('bad,"first\nsecond"too late', "',' expected after '\"'", [3]),
    ],
)
def test_a_broken_quote_costs_its_line_and_not_the_rest_of_the_file(
    tmp_path: Path, record: str, reason: str, others: list[int]
) -> None:
    path = write(tmp_path / "a.csv", f"id,text\n{record}\ngood,x\n,y\nlast,z\n")
    found, rejections = read(path)
    assert [document.id for document in found] == ["good", "last"]
    begin = 2 + record.count("\n")
    assert [rejection.line for rejection in rejections] == [2, *others, begin + 2]
    assert rejections[0].reason.startswith("not CSV: ")
    assert reason in rejections[0].reason
    assert rejections[0].raw.strip() == record.partition("\n")[0]


def test_a_quote_that_is_closed_a_file_later_costs_two_lines(tmp_path: Path) -> None:
    lines = "".join(f"{number},text\n" for number in range(1000))
    path = write(tmp_path / "a.csv", f'id,text\nbad,"open\n{lines}bad,closed" here\n{lines}')
    good, rejected = ids_and_lines(path)
    assert len(good) == 2001  # the closing line has a quote in a cell that doesn't begin with one, which is allowed
    assert rejected == [2]


@pytest.mark.parametrize(
    ("record", "lines"),
    [
        ("bad," + "x" * 10_000_000, [2]),
        ('bad,"' + "x" * 10_000_000 + '"', [2]),
        ('bad,"' + "x" * 9_000_000 + '\ny"', [2, 3]),
        ('bad,"y\n' + "x" * 9_000_000 + '"', [2, 3]),
        ('bad,"' + ("x" * 9_999 + "\n") * 1000 + '"', None),
    ],
)
def test_a_csv_record_of_10_mb_is_rejected(tmp_path: Path, record: str, lines: list[int] | None) -> None:
    found, rejections = read(write(tmp_path / "a.csv", f"id,text\n{record}\ngood,x\n"))
    assert [document.id for document in found] == ["good"]
    assert rejections[0].line == 2
    assert rejections[0].reason == "not CSV: the record is longer than 8 MiB"
    if lines is None:
        lines = list(range(2, 3 + record.count("\n")))
    assert [rejection.line for rejection in rejections] == lines


def test_invalid_utf8_in_a_csv_is_rejected_with_its_line(tmp_path: Path) -> None:
    rejection = only_rejection(write(tmp_path / "a.csv", b'id,text\n"a\n",caf\xe9\ngood,x\n'))
    assert rejection.line == 2
    assert rejection.reason.startswith("invalid UTF-8: text isn't valid Unicode")
    assert rejection.raw == '"a\n",caf\\udce9\n'


@pytest.mark.parametrize("cell", ["x", "7.5", "1_000", "+1", "٣", "9" * 5000])
def test_a_version_in_a_csv_must_be_an_integer(tmp_path: Path, cell: str) -> None:
    rejection = only_rejection(write(tmp_path / "a.csv", f"id,text,version\na,x,{cell}\ngood,x, 12 \n"))
    assert rejection.line == 2
    assert rejection.reason.startswith("version must be an integer, got")


def test_a_version_may_be_written_as_a_float(tmp_path: Path) -> None:
    lines = '{"id": "a", "text": "x", "version": 1.0}\n{"id": "b", "text": "x", "version": NaN}\n'
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"id": ["a", "b"], "text": ["x", "x"], "version": pyarrow.array([1.0, math.nan])})
    parquet.write_table(table, tmp_path / "a.parquet")
    for path in (
        write(tmp_path / "a.jsonl", lines),
        write(tmp_path / "a.csv", "id,text,version\na,x,1.0\nb,x,nan\n"),
        str(tmp_path / "a.parquet"),
    ):
        found, rejections = read(path)
        assert ([document.version for document in found], rejections) == ([1, None], [])


@pytest.mark.parametrize("cell", ["-1", str(2**53)])
def test_a_version_in_a_csv_must_lie_in_range(tmp_path: Path, cell: str) -> None:
    rejection = only_rejection(write(tmp_path / "a.csv", f"id,text,version\na,x,{cell}\ngood,x,\n"))
    assert rejection.reason == f"version must be in 0..9007199254740991 (2**53 - 1), got {cell}"


def test_columns_that_are_not_fields_become_metadata(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "_id;text;metadata;lang;\n1;x;{};en;end\n")
    assert read(path)[0] == [Document("1", "x", metadata={"metadata": "{}", "lang": "en", "": "end"})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"expected the columns 'id' and 'text' in the first line, got \[\]"),
        ("\nid,text\n", r"expected the columns 'id' and 'text' in the first line, got \[\]"),
        ("id\n1\n", r"expected the columns 'id' and 'text' in the first line, got \['id'\]"),
        ("text,title\nx,y\n", r"expected the columns 'id' and 'text'"),
        ("ID|TEXT\n1|x\n", r"expected the columns 'id' and 'text' in the first line, got \['ID\|TEXT'\]"),
        ("id,text,text\n1,x,y\n", r"the first line has a column name twice: \['id', 'text', 'text'\]"),
        ('id,"text\n1,x\n', r"the first line isn't CSV: unexpected end of data"),
        ('id,"text"s\n1,x\n', r"the first line isn't CSV: ',' expected after '\"'"),
        ("id,text," + "x" * 9_000_000, r"the first line isn't CSV: the record is longer than 8 MiB"),
        ("id,text\n1,x\n".encode("utf-16"), r"expected the columns 'id' and 'text'"),
    ],
)
def test_a_csv_needs_a_header_with_id_and_text(tmp_path: Path, content: bytes | str, message: str) -> None:
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(ReaderError, match=message) as got:
        read(path)
    assert str(got.value).startswith(path)
    assert len(str(got.value)) < len(path) + 300


@given(st.binary(max_size=60))
def test_any_bytes_under_a_header_are_read_or_rejected(folder: Path, content: bytes) -> None:
    path = write(folder / "any.csv", b"id,text\n" + content)
    found, rejections = read(path)
    assert len(found) + len(rejections) <= 1 + len(re.findall(b"[\r\n]", content))
    lines = [rejection.line for rejection in rejections]
    assert lines == sorted(set(lines))


# Parquet


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
        (4, "text is missing"),
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


# BEIR


def test_a_beir_folder_is_read_by_its_corpus_alone(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    lines = ['{"_id": "d1", "title": "Food", "text": "A man is eating.", "metadata": {}}', '{"_id": "d2"}']
    write(corpus, "\n".join(lines) + "\n")
    write(tmp_path / "queries.jsonl", '{"_id": "q1", "text": "food"}')
    write(tmp_path / "notes.txt", "not a document")
    found, (rejection,) = read(tmp_path)
    assert found == [Document("d1", "A man is eating.", "Food")]
    assert (rejection.file, rejection.line) == (str(corpus), 2)
    assert estimate_documents(str(tmp_path)) == 2


# What can't be read at all


@pytest.mark.parametrize("use", [read, estimate_documents])
def test_a_path_that_does_not_exist_is_reported(tmp_path: Path, use: Any) -> None:
    (tmp_path / "loop.jsonl").symlink_to(tmp_path / "loop.jsonl")
    for name in ("missing.jsonl", "missing", "no/such/folder/a.csv", "loop.jsonl", "nul\0.jsonl"):
        with pytest.raises(ReaderError, match="doesn't exist"):
            use(str(tmp_path / name))


@pytest.mark.parametrize("use", [read, estimate_documents])
@pytest.mark.parametrize("name", ["a.pdf", "a.pdf.gz", "a", "jsonl", ".jsonl"])
def test_an_unknown_suffix_is_reported_with_those_that_are_known(tmp_path: Path, use: Any, name: str) -> None:
    path = write(tmp_path / name, "x")
    with pytest.raises(ReaderError, match=r"unknown format '.*': expected one of \.csv, .*\.jsonl, .*\.parquet.*\.txt"):
        use(path)


def test_a_folder_without_texts_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", GOOD)
    (tmp_path / "inner").mkdir()
    with pytest.raises(
        ReaderError,
        match=r"has nothing to read: expected corpus\.jsonl, or files \.htm, \.html, \.markdown, \.md, \.txt, ",
    ):
        read(tmp_path)


@pytest.mark.parametrize("use", [read, estimate_documents])
@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_file_that_cannot_be_opened_is_reported(short_folder: Path, use: Any, suffix: str) -> None:
    # A socket can't be opened, whoever tries; permissions don't stop root.
    path = short_folder / f"s{suffix}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        if use is estimate_documents and suffix != ".parquet":
            assert use(str(path)) is None
        else:
            with pytest.raises(ReaderError, match="can't be read"):
                use(str(path))


@pytest.fixture
def short_folder() -> Iterator[Path]:
    # The path of a socket may have about 100 characters.
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("use", [read, estimate_documents])
def test_a_name_that_the_system_refuses_is_reported(tmp_path: Path, use: Any) -> None:
    with pytest.raises(ReaderError, match="can't be read: File name too long"):
        use(str(tmp_path / ("x" * 300 + ".jsonl")))


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions don't stop root")
@pytest.mark.parametrize("use", [read, estimate_documents])
def test_a_folder_that_may_not_be_entered_is_reported(tmp_path: Path, use: Any) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    path = write(locked / "a.jsonl", GOOD)
    locked.chmod(0)
    try:
        with pytest.raises(ReaderError, match="can't be read: Permission denied"):
            use(path)
    finally:
        locked.chmod(0o700)


# Standard input, pipes and streams

READ_STDIN = """
import json, sys
from postings_ingest import read_documents
for document in read_documents("-", lambda rejection: print(json.dumps(rejection.to_json()), flush=True)):
    print(document.id, flush=True)
"""


def test_json_lines_are_read_from_standard_input() -> None:
    run = subprocess.run(
        [sys.executable, "-c", READ_STDIN], input=b"nonsense\n" + GOOD, capture_output=True, check=True
    )
    rejection, good = run.stdout.splitlines()
    assert json.loads(rejection) == {
        "file": "-",
        "line": 1,
        "reason": "not JSON: Expecting value at column 1",
        "raw": "nonsense\n",
    }
    assert good == b"good"
    assert estimate_documents("-") is None


def test_a_document_comes_from_standard_input_before_the_next_is_written() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", READ_STDIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(GOOD)
            ready, _, _ = select.select([process.stdout], [], [], 60)
            assert ready
            assert process.stdout.readline() == b"good\n"
        process.stdin.close()
    assert process.returncode == 0


def test_closed_standard_input_is_reported() -> None:
    run = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" <&-', sys.executable, READ_STDIN], capture_output=True, check=False
    )
    assert b"ReaderError: - can't be read: standard input is closed" in run.stderr


def test_a_named_pipe_is_read_and_not_emptied_by_counting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    assert estimate_documents(str(pipe)) is None
    with subprocess.Popen(["sh", "-c", 'printf "%s\n" "$1" > "$0"', str(pipe), GOOD.decode().strip()]):
        assert ids_and_lines(pipe) == (["good"], [])


MEASURE = """
import re, sys
from postings_ingest import estimate_documents, read_documents
def most_memory():
    # In MiB. The resource module's figure would begin with that of the process that started this one.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024
for _ in read_documents(sys.argv[1], print):  # what the first read needs is not counted
    pass
before = most_memory()
estimate_documents(sys.argv[2])
documents = rejections = 0
def reject(rejection):
    global rejections
    rejections += 1
for document in read_documents(sys.argv[2], reject):
    documents += 1
print(documents, rejections, most_memory() - before)
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc/self/status")


@needs_proc
@pytest.mark.parametrize(
    ("name", "begin", "record", "documents", "rejected"),
    [
        ("a.jsonl", "", '{"id": "a", "text": "%s"}\n' % ("x" * 9_976), 10_000, 0),
        ("one-line.jsonl", "", "x" * 10_000, 0, 1),
        ("a.csv", "id,text\n", f"a,{'x' * 9_997}\n", 10_000, 0),
        ("one-line.csv", "id,text\n", "x" * 10_000, 0, 1),
        ("typed.csv", "id,text,year\n", f"a,{'x' * 9_992},2020\n", 10_000, 0),
        ("a.json", "", '{"id": "a", "text": "%s"}\n' % ("x" * 9_976), 10_000, 0),
        ("one-value.json", "", "{" + "x" * 9_999, 0, 1),
        ("never-closed.csv", 'id,text\nbad,"\n', f"a,{'x' * 9_997}\n", 10_000, 1),
    ],
)
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, name: str, begin: str, record: str, documents: int, rejected: int
) -> None:
    small = write(tmp_path / f"small-{name}", "id,text\na,x\n" if begin else GOOD)
    large = tmp_path / name
    with large.open("w") as file:
        file.write(begin)
        for _ in range(10_000):
            file.write(record)
    assert read_in_bounded_memory(small, large) == (documents, rejected)


@needs_proc
@pytest.mark.parametrize("row_group", [1000, 20_000])
def test_memory_does_not_grow_with_a_parquet_file(tmp_path: Path, row_group: int) -> None:
    import pyarrow
    from pyarrow import parquet

    texts = [f"{number} {'x' * 9_990}" for number in range(20_000)]
    table = pyarrow.table({"id": list(map(str, range(20_000))), "text": texts})
    options: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    parquet.write_table(table.slice(0, 1), tmp_path / "small.parquet", **options)
    parquet.write_table(table, tmp_path / "large.parquet", row_group_size=row_group, **options)
    assert read_in_bounded_memory(str(tmp_path / "small.parquet"), tmp_path / "large.parquet") == (20_000, 0)


def read_in_bounded_memory(small: str, large: Path) -> tuple[int, int]:
    size = large.stat().st_size / 2**20
    assert size > 94
    try:
        run = subprocess.run([sys.executable, "-c", MEASURE, small, large], capture_output=True, check=True)
    finally:
        large.unlink()  # pytest keeps the folder for a while
    documents, rejections, growth = map(int, run.stdout.split())
    assert growth < 0.7 * size
    return documents, rejections
