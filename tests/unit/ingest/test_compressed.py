"""Compressed files are read as what is in them; a damaged one gives what came before, and says so."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from postings import Document
from postings.errors import ReaderError
from postings_ingest import estimate_documents, read_documents
from tests.support.reading import read, write


def zstd(content: bytes) -> bytes:
    compressed: bytes = pyarrow.compress(content, codec="zstd", asbytes=True)
    return compressed


COMPRESS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstd, ".GZ": gzip.compress}
CONTENTS = {
    "a.jsonl": b'{"id": 1, "text": "x", "year": 2020}\n',
    "a.json": b'[{"id": 1, "text": "x", "year": 2020}]',
    "a.csv": b"id,text,year\n1,x,2020\n",
    "a.tsv": b"id\ttext\tyear\n1\tx\t2020\n",
}


@pytest.mark.parametrize("end", COMPRESS)
@pytest.mark.parametrize("name", CONTENTS)
def test_a_compressed_file_is_read_as_what_is_in_it(tmp_path: Path, name: str, end: str) -> None:
    path = write(tmp_path / f"{name}{end}", COMPRESS[end](CONTENTS[name]))
    assert read(path) == ([Document("1", "x", metadata={"year": 2020})], [])
    assert estimate_documents(path) is None


@pytest.mark.parametrize("end", COMPRESS)
def test_a_compressed_parquet_file_is_read(tmp_path: Path, end: str) -> None:
    parquet.write_table(pyarrow.table({"id": [1], "text": ["x"]}), tmp_path / "a.parquet")
    path = write(tmp_path / f"a.parquet{end}", COMPRESS[end]((tmp_path / "a.parquet").read_bytes()))
    assert read(path) == ([Document("1", "x")], [])
    assert estimate_documents(path) is None


@pytest.mark.parametrize("end", COMPRESS)
def test_compressed_texts_and_corpora_are_read_from_folders(tmp_path: Path, end: str) -> None:
    write(tmp_path / f"plan.md{end}", COMPRESS[end](b"# Plan\n\nA lion."))
    ((document,), _) = read(tmp_path)
    assert (document.id, document.title) == (f"{tmp_path}/plan.md{end}", "Plan")
    if end != ".GZ":
        write(tmp_path / f"corpus.jsonl{end}", COMPRESS[end](b'{"_id": "d", "text": "x"}'))
        assert read(tmp_path)[0] == [Document("d", "x")]


@pytest.mark.parametrize("end", COMPRESS)
def test_parts_behind_each_other_are_one_file(tmp_path: Path, end: str) -> None:
    part = COMPRESS[end](CONTENTS["a.jsonl"])
    assert len(read(write(tmp_path / f"a.jsonl{end}", part * 3))[0]) == 3


@pytest.mark.parametrize("end", COMPRESS)
@pytest.mark.parametrize("format", ["jsonl", "json"])
def test_a_file_that_is_cut_off_gives_what_came_before_and_says_so(tmp_path: Path, format: str, end: str) -> None:
    lines = b"".join(b'{"id": %d, "text": "%x"}\n' % (number, number**40) for number in range(5_000))
    content = COMPRESS[end](lines)
    path = tmp_path / f"a.{format}{end}"
    before: list[Document] = []
    with pytest.raises(ReaderError, match="can't be read"):
        before.extend(read_documents(write(path, content[: len(content) // 2]), lambda _: None))
    found, rejections = read(write(path, content))
    assert (len(found), rejections) == (5_000, [])
    assert before == found[: len(before)]
    assert len(before) > 1_000


@pytest.mark.parametrize("use", [read, estimate_documents])
@pytest.mark.parametrize("end", COMPRESS)
def test_what_is_not_compressed_is_reported(tmp_path: Path, use: Any, end: str) -> None:
    path = write(tmp_path / f"a.jsonl{end}", CONTENTS["a.jsonl"])
    if use is read:
        with pytest.raises(ReaderError, match="can't be read"):
            use(path)
    else:
        assert use(path) is None
    assert len(read(write(tmp_path / f"empty.jsonl{end}", b""))[0]) == 0


@pytest.mark.parametrize("end", COMPRESS)
def test_a_text_that_unpacks_to_too_much_is_rejected(tmp_path: Path, end: str) -> None:
    bad = write(tmp_path / f"bomb.txt{end}", COMPRESS[end](b"x" * 50_000_000))
    write(tmp_path / "good.txt", "x")
    found, (rejection,) = read(tmp_path)
    assert [document.title for document in found] == ["good"]
    assert (rejection.file, rejection.reason[:41]) == (bad, "the file has more than 16,000,000 bytes, ")


@pytest.mark.parametrize("end", ["", *COMPRESS])
@pytest.mark.parametrize("name", [*CONTENTS, "a.md"])
def test_what_was_read_is_told_decompressed_and_an_error_of_who_is_told_ends_it(
    tmp_path: Path, name: str, end: str
) -> None:
    content = CONTENTS.get(name, b"# Plan") + b"\n" * 100_000
    path = write(tmp_path / f"{name}{end}", COMPRESS.get(end, bytes)(content))
    told: list[int] = []
    options: dict[str, Any] = {"on_read": told.append}
    assert read(path, **options)[0] == read(path)[0]
    assert max(told) == len(content)

    def enough(count: int) -> None:
        raise RuntimeError(count)

    with pytest.raises(RuntimeError):
        read(path, on_read=enough)
