"""CSV and TSV: what is read, which records are rejected, and what a broken quote costs."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document
from postings.errors import ReaderError
from tests.support.reading import ids_and_lines, only_rejection, read, write
from tests.support.strategies import said, versions

awkward_texts = st.text("a é,;\t\"'\n\r\u2028\0", min_size=1, max_size=12).filter(str.strip) | said
rows = st.builds(
    Document,
    awkward_texts,
    awkward_texts,
    st.just("") | awkward_texts,
    st.fixed_dictionaries({"lang": st.just("") | awkward_texts}),
    versions,
)


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
    assert rejection.reason == "invalid UTF-8: byte 0xe9"
    assert rejection.raw == '"a\n",caf\\udce9\n'


@pytest.mark.parametrize("cell", ["x", "7.5", "1_000", "+1", "٣", "9" * 5000])
def test_a_version_in_a_csv_must_be_an_integer(tmp_path: Path, cell: str) -> None:
    rejection = only_rejection(write(tmp_path / "a.csv", f"id,text,version\na,x,{cell}\ngood,x, 12 \n"))
    assert rejection.line == 2
    assert rejection.reason.startswith("version must be an integer, got")


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
        ("", "the first line is empty: expected the names of the columns"),
        ("\nid,text\n", "the first line is empty: expected the names of the columns"),
        ("id\n1\n", r"expected the columns 'id' and 'text' in the first line, got \['id'\]"),
        ("text,title\nx,y\n", r"expected the columns 'id' and 'text'"),
        ("ID|TEXT\n1|x\n", r"expected the columns 'id' and 'text' in the first line, got \['ID\|TEXT'\]"),
        ("id,text,text\n1,x,y\n", r"the first line has a column name twice: \['id', 'text', 'text'\]"),
        ('id,"text\n1,x\n', r"the first line isn't CSV: unexpected end of data"),
        ('id,"text"s\n1,x\n', r"the first line isn't CSV: ',' expected after '\"'"),
        ("id,text," + "x" * 9_000_000, r"the first line isn't CSV: the record is longer than 8 MiB"),
        ("id,text\n1,x\n".encode("utf-16"), "NUL in the first line; if the file is UTF-16, convert it: iconv"),
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
