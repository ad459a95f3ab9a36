"""CSV and TSV: a header line, then one document per row; columns that aren't fields become metadata."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, TextIO

from postings import Document
from postings.errors import InvalidDocument, ReaderError
from postings.unprintable import escape_surrogates
from postings_ingest.readers.cells import guess_types, is_empty, typed
from postings_ingest.readers.jsonl import MAX_LINE, estimate
from postings_ingest.readers.omissions import Omit
from postings_ingest.readers.records import document_from_record
from postings_ingest.readers.rejections import Reject, Rejection
from postings_ingest.readers.sources import Source

__all__ = ["estimate", "fields", "read"]


def read(source: Source, reject: Reject, omit: Omit) -> Iterator[Document]:
    """Read documents from CSV or TSV.

    The header tells the delimiter of CSV: comma, semicolon or tab. TSV has no quoting: every tab and line break
    delimits. The file is read twice, because the last cell of a column may decide its type.

    If a record isn't CSV, for example because a quote is never closed, only its first line is rejected: reading goes on
    with the next line.

    Raises:
        ReaderError: the header has no ``id`` or ``text`` column, or lacks a column that was named.
    """
    path = source.path
    with source.open_seekable() as file:
        table = _Table(file, source)
        _check(table.header, source)
        types = _types(table, source)
        table = _Table(file, source)
        for line, record, cells in table:
            place = f"{path}:{line}"
            if isinstance(cells, csv.Error):
                reject(Rejection.of(path, line, f"not CSV: {cells}", record))
                continue
            row: dict[str, Any] | None = None
            try:
                row, wrong = _row(table.header, cells, types)
                if wrong is not None:
                    raise wrong
                yield document_from_record(row, place, omit, source.fields)
            except InvalidDocument as error:
                reject(Rejection.of(path, line, _reason(error, cells), record, row, source.fields))


def fields(source: Source) -> list[str]:
    """The names of the columns."""
    with source.open_seekable() as file:
        table = _Table(file, source)
        table.detach()
        return [escape_surrogates(name) for name in table.header]


class _Table:
    """The header of a file, and its records, each with the line where it begins, its text and its cells."""

    def __init__(self, file: BinaryIO, source: Source) -> None:
        file.seek(0)
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
        self._partial = source.partial
        # Bytes that aren't UTF-8 become surrogates, which the check of the document reports.
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._lines = _Lines(self._text)
        if source.format == "tsv":
            self._rows = csv.reader(self._lines, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True)
        else:
            self._rows = csv.reader(self._lines, delimiter=_delimiter(self._lines), strict=True)
        self.header = _header(self._rows, source.path)

    def __iter__(self) -> Iterator[tuple[int, str, list[str] | csv.Error]]:
        lines = self._lines
        try:
            while True:
                lines.begin_record()
                try:
                    cells = next(self._rows)
                except StopIteration:
                    return
                except csv.Error as error:
                    if self._partial and lines.ended:
                        return
                    yield lines.first, lines.record[0], error
                    lines.put_back_all_but_first()
                    continue
                if self._partial and not lines.record[-1].endswith(("\n", "\r")):
                    return
                if cells:
                    yield lines.first, "".join(lines.record), cells
        finally:
            self.detach()

    def detach(self) -> None:
        """Leave the file open, which it would close."""
        self._text.detach()


def _types(table: _Table, source: Source) -> dict[str, str]:
    """The types of the metadata columns."""
    columns = [name for name in table.header if name not in source.fields.names or name == "metadata"]
    if unknown := set(source.types) - set(columns):
        raise ReaderError(
            f"{source.path}: {', '.join(map(repr, sorted(unknown)))} can't have a type: expected columns of metadata, "
            f"{', '.join(map(repr, columns[:20])) or 'of which there are none'}{', …' * (len(columns) > 20)}"
        )
    unknown_types = [at for at, name in enumerate(table.header) if name in columns and name not in source.types]
    rows = (cells for _, _, cells in table if not isinstance(cells, csv.Error) and len(cells) == len(table.header))
    guessed = guess_types(rows, unknown_types)
    return {table.header[at]: type for at, type in guessed.items()} | dict(source.types)


class _Lines:
    """The lines of a file; those of the current record are kept, and can be put back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._ahead: deque[str] = deque()
        self.first = 1
        """The line where the record begins, from 1."""
        self.record: list[str] = []
        self.ended = False
        """Whether the file was read to its end."""
        self._size = 0

    def begin_record(self) -> None:
        self.first += len(self.record)
        self.record, self._size = [], 0

    def put_back_all_but_first(self) -> None:
        self._ahead.extendleft(reversed(self.record[1:]))
        del self.record[1:]

    def peek(self) -> str:
        self._ahead.append(self._read())
        return self._ahead[0]

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else self._read()
        if not line:
            self.ended = True
            raise StopIteration
        self.record.append(line)
        self._size += len(line)
        if self._size > MAX_LINE:
            raise csv.Error(f"the record is longer than {MAX_LINE // 2**20} MiB")
        return line

    def _read(self) -> str:
        """Read a line; of a very long line, only the beginning."""
        line = rest = self._file.readline(MAX_LINE + 1)
        while len(rest) > MAX_LINE and not rest.endswith("\n"):
            rest = self._file.readline(MAX_LINE + 1)
        return line


def _delimiter(lines: _Lines) -> str:
    unquoted = re.sub(r'"[^"]*"', "", lines.peek())
    return max(",;\t", key=unquoted.count)


def _header(rows: Iterator[list[str]], path: str) -> list[str]:
    try:
        return next(rows, [])
    except csv.Error as error:
        raise ReaderError(f"{path}: the first line isn't CSV: {error}") from error


def _check(header: list[str], source: Source) -> None:
    path, fields = source.path, source.fields
    if not header:
        raise ReaderError(f"{path}: the first line is empty: expected the names of the columns, such as id,text")
    if any("\0" in name for name in header):
        raise ReaderError(f"{path}: NUL in the first line; if the file is UTF-16, convert it: iconv -f UTF-16 -t UTF-8")
    if fields.missing(header):
        text, title = fields.texts
        wanted = [fields.ids[0], text] + [title] * (fields.title is not None)
        names = " and ".join(map(repr, wanted))
        raise ReaderError(
            f"{path}: expected the columns {names} in the first line, got {header!r:.200}: if they have other names, "
            "say which with --id-field, --text-field and --title-field (in Python and over HTTP id_field and so on)"
        )
    if len(set(header)) < len(header):
        raise ReaderError(f"{path}: the first line has a column name twice: {header!r:.200}")


def _row(
    header: list[str], cells: Sequence[str], types: dict[str, str]
) -> tuple[dict[str, Any], InvalidDocument | None]:
    """A row by column names, and the error of its first cell that doesn't fit its type; such a cell stays text."""
    if len(cells) != len(header):
        raise InvalidDocument(f"expected {len(header)} cells as in the first line, got {len(cells)}")
    row: dict[str, Any] = dict(zip(header, cells, strict=True))
    wrong: InvalidDocument | None = None
    for name, cell in row.items():
        try:
            if name == "version":
                row[name] = _version(cell)
            elif name in types:
                row[name] = typed(name, cell, types[name])
        except InvalidDocument as error:
            wrong = wrong or error
    if "metadata" in row:
        # A cell can't hold an object, so a column of that name is an ordinary one.
        row["metadata"] = {"metadata": row["metadata"]}
    return row, wrong


def _version(cell: str) -> int | None:
    bare = cell.strip()
    if is_empty(bare):
        return None
    # If a version is missing somewhere, the table may have been written with floats.
    if not (found := re.fullmatch(r"(-?[0-9]{1,20})(?:\.0*)?", bare)):
        raise InvalidDocument(f"version must be an integer, got {cell!r:.100}")
    return int(found[1])


def _reason(error: InvalidDocument, cells: Sequence[str]) -> str:
    # Bytes that aren't UTF-8 are read as surrogates.
    invalid = next((each for cell in cells for each in cell if "\udc80" <= each <= "\udcff"), None)
    return str(error) if invalid is None else f"invalid UTF-8: byte 0x{ord(invalid) - 0xDC00:02x}"
