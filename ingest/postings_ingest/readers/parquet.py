"""Parquet, a batch of rows at a time; columns that aren't fields go into the metadata."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from postings import Document
from postings.errors import InvalidDocument, MissingExtra, ReaderError
from postings_ingest.readers.rejections import Reject, Rejection
from postings_ingest.readers.rows import document_from_row

_ROWS = 256


def read(path: str, reject: Reject) -> Iterator[Document]:
    """Read documents from a ``.parquet`` file.

    Raises:
        MissingExtra: pyarrow isn't installed.
        ReaderError: the file isn't Parquet.
    """
    with _open(path) as file:
        number = 0
        for batch in _readable(file.iter_batches(batch_size=_ROWS), path):
            for row in batch.to_pylist():
                number += 1
                try:
                    yield document_from_row({name: _json(value) for name, value in row.items()})
                except InvalidDocument as error:
                    reject(Rejection.of(path, number, error, row))


def estimate(path: str) -> int | None:
    """The number of rows, from the file's own footer."""
    with _open(path) as file:
        rows: int = file.metadata.num_rows
        return rows


def _open(path: str) -> Any:
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtra("parquet", f"reading {path}") from error
    try:
        return ParquetFile(path)
    except (OSError, ValueError) as error:
        raise ReaderError(f"{path} can't be read as Parquet: {error}") from error


def _readable(batches: Iterator[Any], path: str) -> Iterator[Any]:
    try:
        yield from batches
    except (OSError, ValueError) as error:
        raise ReaderError(f"{path} can't be read to its end: {error}") from error


def _json(value: Any) -> Any:
    """Dates become ISO 8601, the form in which Qdrant filters them."""
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value
