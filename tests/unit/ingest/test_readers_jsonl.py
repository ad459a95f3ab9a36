"""JSON Lines: what is read, and which lines are rejected."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document
from tests.support.reading import GOOD, ids_and_lines, only_rejection, read, write
from tests.support.strategies import documents


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
    "a null id": (b'{"id": null, "text": "x"}', r"id is null: expected a string or a number"),
    "an empty id": (b'{"id": "", "text": "x"}', r"id is empty"),
    "an id that is an object": (b'{"id": {}, "text": "x"}', r"id must be a string or another scalar, got dict"),
    "a long id": (b'{"id": "%s", "text": "x"}' % (b"a" * 513), r"id may have at most 512 characters, got 513"),
    "no text": (b'{"id": "a"}', r"text is missing: got the fields 'id'"),
    "a null text": (b'{"id": "a", "text": null}', r"text is null: expected a string"),
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
