"""Paths: a BEIR folder is read by its corpus; what can't be read at all is reported."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postings import Document
from postings.errors import ReaderError
from postings_ingest import estimate_documents
from tests.support.reading import GOOD, read, write


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
