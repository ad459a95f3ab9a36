"""Readers: each module reads one format as a stream; here the format is told from the path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from postings import Document
from postings.errors import ReaderError
from postings_ingest.readers import beir, delimited, jsonl, parquet, texts
from postings_ingest.readers.omissions import Kind, Omission, Omit, ignore
from postings_ingest.readers.rejections import Reject, Rejection

__all__ = ["Kind", "Omission", "Omit", "Reject", "Rejection", "estimate_documents", "read_documents"]


class _Reader(Protocol):
    def read(self, path: str, reject: Reject, omit: Omit) -> Iterator[Document]: ...

    def estimate(self, path: str) -> int | None: ...


_BY_SUFFIX: dict[str, _Reader] = {
    ".jsonl": jsonl,
    ".ndjson": jsonl,
    ".csv": delimited,
    ".tsv": delimited,
    ".parquet": parquet,
    **dict.fromkeys(texts.SUFFIXES, texts),
}


def read_documents(path: str, reject: Reject, omit: Omit = ignore) -> Iterator[Document]:
    """Read documents as a stream from a file, a folder, or ``-`` (JSON Lines on standard input).

    Args:
        path: ``*.jsonl``, ``*.csv``, ``*.tsv``, ``*.parquet``, ``*.txt``, ``*.md``, a BEIR folder (it holds
            ``corpus.jsonl``) or a folder of text and Markdown files.
        reject: called with each record that can't be used; the rest goes on.
        omit: called with each thing that is left out although nothing is wrong with it, such as an HTML file in a
            folder of texts.

    Raises:
        ReaderError: the path doesn't exist, or isn't in one of these formats.

    Example:
        >>> [document.id for document in read_documents("notes.jsonl", reject=print)]
        ['first', 'second']
    """
    try:
        yield from _reader(path).read(path, reject, omit)
    except OSError as error:
        raise ReaderError(f"{path} can't be read: {error.strerror or error}") from error


def estimate_documents(path: str) -> int | None:
    """How many documents :func:`read_documents` will about give; None where that can't be told before.

    Raises:
        ReaderError: as :func:`read_documents`.
    """
    try:
        return _reader(path).estimate(path)
    except OSError as error:
        raise ReaderError(f"{path} can't be read: {error.strerror or error}") from error


def _reader(path: str) -> _Reader:
    if not isinstance(path, str):
        raise ReaderError(f"the path must be a string, got {type(path).__name__}")
    if path == "-":
        return jsonl
    if not path:
        raise ReaderError("the path is empty: name a file or a folder, or - for standard input")
    place = Path(path)
    if place.is_dir():
        return beir if Path(beir.corpus(path)).is_file() else texts
    if not place.exists():
        raise ReaderError(f"{path} doesn't exist")
    reader = _BY_SUFFIX.get(place.suffix.lower())
    if reader is None:
        raise ReaderError(f"{path}: unknown format {place.suffix!r}: expected one of {', '.join(sorted(_BY_SUFFIX))}")
    return reader
