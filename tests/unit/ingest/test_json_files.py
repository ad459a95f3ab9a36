"""JSON files: arrays and objects over any lines, as a stream."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document
from postings.errors import ReaderError
from postings_ingest import estimate_documents, read_documents
from tests.support.reading import ids_and_lines, read, write

GOOD = '{"id": "good", "text": "x, ] } \\" \\\\"}'
awkward = st.text('a"\\[]{},:\n é', min_size=1).filter(str.strip)


@given(
    st.lists(st.tuples(awkward, st.recursive(awkward | st.integers(-9, 9), lambda inner: st.lists(inner, max_size=3)))),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
    st.booleans(),
)
def test_documents_written_as_json_are_read_back_equal(
    folder: Path, rows: list[tuple[str, object]], indent: int | None, array: bool, ascii: bool
) -> None:
    documents = [Document(text, text, metadata={"value": value}) for text, value in rows]
    objects = [{"id": text, "text": text, "value": value} for text, value in rows]
    if array:
        content = json.dumps(objects, indent=indent, ensure_ascii=ascii)
    else:
        content = "\n".join(json.dumps(each, indent=indent, ensure_ascii=ascii) for each in objects)
    assert read(write(folder / "a.json", content)) == (documents, [])
    assert read(write(folder / "b.json", f"\ufeff\n {content} \n")) == (documents, [])


@pytest.mark.parametrize(
    ("content", "good", "rejected"),
    [
        ("[]", 0, []),
        ("", 0, []),
        (" \n", 0, []),
        (f"[{GOOD}]", 1, []),
        (f"[\n{GOOD},\n\n{GOOD}\n]\n", 2, []),
        (f"[{GOOD},]", 1, []),
        (f"{GOOD}{GOOD}\n\n{GOOD}", 3, []),
        (f'[\n{GOOD},\n\n  {{"id": }},\n{GOOD}]', 2, [(4, "not JSON: Expecting value")]),
        (f'[{GOOD},\n5, "x", [{GOOD}], null]', 1, [(2, "expected an object")] * 4),
        (f'[{GOOD},\n{{"id": "a"}}]', 1, [(2, "text is missing")]),
        (f"[{GOOD}]\n\nnonsense", 1, [(3, "not JSON")]),
        (f'{GOOD}\n{{"id": "a", "text": "never closed', 1, [(2, "not JSON: Unterminated string")]),
        (f'[{GOOD},\n{{"id": "{"x" * 9_000_000}"}},\n{GOOD}]', 2, [(2, "the record is longer than 8 MiB")]),
        ("nonsense", 0, [(1, "not JSON")]),
        (f'[{GOOD},\n{{"id": "a", "a": {"[" * 100_000}{"]" * 100_000}}}]', 1, [(2, "not JSON that can be read")]),
    ],
)
def test_each_value_is_a_document_or_rejected_with_its_line(
    tmp_path: Path, content: str, good: int, rejected: list[tuple[int, str]]
) -> None:
    found, rejections = read(write(tmp_path / "a.json", content))
    assert [document.id for document in found] == ["good"] * good
    assert [rejection.line for rejection in rejections] == [line for line, _ in rejected]
    for rejection, (_, reason) in zip(rejections, rejected, strict=True):
        assert rejection.reason.startswith(reason)


def test_brackets_in_each_other_without_end_are_not_read_to_theirs(tmp_path: Path) -> None:
    content = f'{GOOD}\n{{"id": "a", "a": {"[" * 2_000_000}'
    found: list[Document] = []
    path = write(tmp_path / "a.json", content)
    with pytest.raises(ReaderError, match=r"a\.json:2 is nested more than 131,072 deep"):
        found.extend(read_documents(path, lambda _: None))
    assert [document.id for document in found] == ["good"]


def test_documents_say_their_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", f"[\n{GOOD},\n\n\n{GOOD}]")
    assert [document.source for document in read(path)[0]] == [f"{path}:2", f"{path}:5"]


@pytest.mark.parametrize("end", ["", ",", ',\n{"id": "b', f",\n{GOOD}"])
def test_an_array_that_is_cut_off_gives_what_came_before_and_says_so(tmp_path: Path, end: str) -> None:
    found: list[Document] = []
    path = write(tmp_path / "a.json", f"[{GOOD}{end}")
    with pytest.raises(ReaderError, match="can't be read to its end: the file ends before its array does"):
        found.extend(read_documents(path, lambda _: None))
    assert {document.id for document in found} == {"good"}


def test_blocks_end_anywhere(tmp_path: Path) -> None:
    # Whatever the reader reads at once, some block ends at each place of such a record.
    texts = [f'"]{"é" * (number % 97)}\\' for number in range(20_000)]
    rows = [{"id": str(number), "text": text} for number, text in enumerate(texts)]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    ids, rejected = ids_and_lines(write(tmp_path / "a.json", f"[{lines}]"))
    assert (ids, rejected) == ([str(number) for number in range(20_000)], [])
    assert estimate_documents(str(tmp_path / "a.json")) is None


READ = """
import sys
from postings_ingest import read_documents
for document in read_documents("-", print, format="json"):
    print(document.id, flush=True)
"""


def test_a_document_comes_from_standard_input_before_its_array_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", READ], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"[{GOOD}, ".encode())
        assert process.stdout.readline() == b"good\n"
        process.stdin.write(b"]")
        process.stdin.close()
    assert process.returncode == 0
