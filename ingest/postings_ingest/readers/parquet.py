"""Parquet, a batch of rows at a time; columns that aren't fields go into the metadata."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from postings import Document
from postings.errors import InvalidDocument, MissingExtra, ReaderError
from postings_ingest.readers.omissions import Omit
from postings_ingest.readers.rejections import Reject, Rejection
from postings_ingest.readers.rows import document_from_row

_ROWS = 256


def read(path: str, reject: Reject, omit: Omit) -> Iterator[Document]:
    """Read documents from a ``.parquet`` file.

    Raises:
        MissingExtra: pyarrow isn't installed.
        ReaderError: the file isn't Parquet, or is damaged.
    """
    with _open(path) as file:
        names = file.schema_arrow.names
        if len(set(names)) < len(names):
            raise ReaderError(f"{path}: a column name stands twice: {names!r:.200}")
        number = 0
        for batch in _readable(file, path):
            for position in range(batch.num_rows):
                number += 1
                row: dict[str, Any] = {}
                try:
                    for name in names:
                        row[name] = _value(name, batch[name][position])
                    yield document_from_row(row, f"{path}:{number}", omit)
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
        # Left to itself, it keeps all of the file that it has read.
        return ParquetFile(path, pre_buffer=False, buffer_size=2**20)
    except Exception as error:  # pyarrow raises OSError, ValueError, NotImplementedError and others
        raise ReaderError(f"{path} can't be read as Parquet: {error}") from error


def _readable(file: Any, path: str) -> Iterator[Any]:
    try:
        # By group, so that a damaged one doesn't take rows of the one before along.
        for group in range(file.num_row_groups):
            yield from file.iter_batches(batch_size=_ROWS, row_groups=[group])
    except Exception as error:  # see _open
        raise ReaderError(f"{path} can't be read to its end: {error}") from error


def _value(name: str, scalar: Any) -> Any:
    try:
        if str(scalar.type).startswith("timestamp[ns"):
            from pyarrow import timestamp

            # Python's datetime holds microseconds; where pandas is installed, pyarrow would bring pandas' own.
            scalar = scalar.cast(timestamp("us", tz=scalar.type.tz), safe=False)
        return _json(scalar.as_py())
    except Exception as error:  # invalid UTF-8, a time that Python can't hold, an unknown time zone
        raise InvalidDocument(f"{name} can't be read: {error}") from error


def _json(value: Any) -> Any:
    """Dates become ISO 8601, the form in which Qdrant filters them."""
    match value:
        case datetime.date() | datetime.time():
            return value.isoformat()
        case dict():
            return {key: _json(item) for key, item in value.items()}
        case list() | tuple():
            return [_json(item) for item in value]
        case _:
            return value
