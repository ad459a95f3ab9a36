"""Parquet, read in batches of rows; columns that aren't fields become metadata."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import numpy as np

from postings import Document
from postings.errors import InvalidDocument, MissingExtra, ReaderError
from postings_ingest.readers.forms import id_text
from postings_ingest.readers.omissions import Omit
from postings_ingest.readers.records import Fields, document_from_record
from postings_ingest.readers.rejections import Reject, Rejection
from postings_ingest.readers.sources import Source

_ROWS = 256


def read(source: Source, reject: Reject, omit: Omit) -> Iterator[Document]:
    """Read documents from Parquet.

    Raises:
        MissingExtra: pyarrow isn't installed.
        ReaderError: the file isn't Parquet, or is damaged.
    """
    path = source.path
    with _opened(source) as file:
        names = file.schema_arrow.names
        if len(set(names)) < len(names):
            raise ReaderError(f"{path}: a column name occurs twice: {names!r:.200}")
        if source.fields != Fields() and source.fields.missing(names):
            raise ReaderError(f"{path}: a field that was named isn't a column: expected one of {names!r:.200}")
        number = 0
        for batch in _readable(file, path):
            for position in range(batch.num_rows):
                number += 1
                row = {name: _value(batch[name][position]) for name in names}
                try:
                    yield document_from_record(row, f"{path}:{number}", omit, source.fields)
                except InvalidDocument as error:
                    reject(Rejection.of(path, number, error, row, _record(row, source.fields), source.fields))


def fields(source: Source) -> list[str]:
    """The names of the columns."""
    with _opened(source) as file:
        names: list[str] = file.schema_arrow.names
        return names


def _record(row: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """The record to keep of a rejected row, without bytes that aren't UTF-8: they would be read again as text."""
    record = dict(row)
    for name in fields.texts:
        if isinstance(value := row.get(name), bytes):
            try:
                value.decode()
            except UnicodeDecodeError:
                del record[name]
    return record


def estimate(source: Source) -> int | None:
    """The number of rows, from the file's footer."""
    if not source.can_be_read_twice and (source.path == "-" or source.compression):
        return None
    with _opened(source) as file:
        rows: int = file.metadata.num_rows
        return rows


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtra("parquet", f"reading {source.path}") from error
    with source.open_seekable() as content:
        try:
            # By default, pyarrow keeps everything that it has read in memory.
            opened = ParquetFile(content, pre_buffer=False, buffer_size=2**20)
        except Exception as error:  # pyarrow raises OSError, ValueError, NotImplementedError and others
            raise ReaderError(f"{source.path} can't be read as Parquet: {error}") from error
        with opened as file:
            yield file


def _readable(file: Any, path: str) -> Iterator[Any]:
    try:
        # One group at a time, so that a damaged one doesn't lose rows of the group before.
        for group in range(file.num_row_groups):
            yield from file.iter_batches(batch_size=_ROWS, row_groups=[group])
    except Exception as error:  # see _opened
        raise ReaderError(f"{path} can't be read to its end: {error}") from error


def _value(scalar: Any) -> Any:
    """The Python value of a cell: Arrow's own conversion fails for maps and for some times."""
    if not scalar.is_valid:
        return None
    if _plain(scalar.type):
        with suppress(Exception):  # see _leaf
            return scalar.as_py()
    return _walk(scalar)


@cache
def _plain(type: Any) -> bool:
    """Whether Arrow's own conversion is enough for a type; a no because of a field's name costs only time."""
    return not any(word in str(type) for word in ("map<", "[ns"))


def _walk(scalar: Any) -> Any:
    from pyarrow import types

    type = scalar.type
    if types.is_map(type):
        return {id_text(_value(entry[0])): _value(entry[1]) for entry in scalar.values}
    if types.is_struct(type):
        return {field.name: _value(scalar[position]) for position, field in enumerate(type)}
    if types.is_nested(type):
        return [_value(item) for item in scalar.values]
    return _leaf(scalar)


def _leaf(scalar: Any) -> Any:
    """A value that contains no others. What Python can't hold, such as a date after 9999, becomes NumPy's."""
    from pyarrow import types

    type = scalar.type
    if types.is_date32(type):
        return np.datetime64(scalar.value, "D")
    if types.is_date64(type):
        return np.datetime64(scalar.value, "ms").astype("datetime64[D]")
    if types.is_duration(type):
        return np.timedelta64(scalar.value, type.unit)
    if types.is_timestamp(type) or types.is_time64(type):
        import pyarrow

        # Python's times hold microseconds; if pandas is installed, pyarrow would return pandas' types.
        target = pyarrow.timestamp("us", tz=type.tz) if types.is_timestamp(type) else pyarrow.time64("us")
        try:
            return scalar.cast(target, safe=False).as_py()
        except Exception:  # a year that Python can't hold, an unknown time zone
            return f"{np.datetime64(scalar.value, type.unit)}{'+00:00' if type.tz else ''}"
    if types.is_string(type) or types.is_large_string(type):
        return scalar.as_buffer().to_pybytes()  # it isn't UTF-8
    return scalar.as_py()
