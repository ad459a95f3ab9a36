"""CSV and TSV: a header line, then one document a row; columns that aren't fields go into the metadata."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from postings import Document
from postings.errors import InvalidDocument, ReaderError
from postings_ingest.readers.jsonl import MAX_LINE, estimate
from postings_ingest.readers.omissions import Omit
from postings_ingest.readers.rejections import Reject, Rejection
from postings_ingest.readers.rows import document_from_row

__all__ = ["estimate", "read"]


def read(path: str, reject: Reject, omit: Omit) -> Iterator[Document]:
    """Read documents from a ``.csv`` or ``.tsv`` file; comma, semicolon or tab is told from the header.

    A record that isn't CSV, for example because a quote is never closed, costs only its first line: reading goes on
    with the next one.

    Raises:
        ReaderError: the header has no ``id`` or ``text`` column.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
    # Bytes that aren't UTF-8 become surrogates, which the document's own check reports.
    with Path(path).open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = _Lines(file)
        rows = csv.reader(lines, delimiter=_delimiter(lines), strict=True)
        header = _header(rows, path)
        while True:
            lines.begin_record()
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                reject(Rejection.of(path, lines.first, f"not CSV: {error}", lines.record[0]))
                lines.put_back_all_but_first()
                continue
            if not cells:
                continue
            try:
                yield document_from_row(_row(header, cells), f"{path}:{lines.first}", omit)
            except InvalidDocument as error:
                reject(Rejection.of(path, lines.first, _reason(error, cells), "".join(lines.record)))


class _Lines:
    """The lines of a file; those of the record that is being read are kept, and can be put back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._ahead: deque[str] = deque()
        self.first = 1
        """The number of the record's first line, from 1."""
        self.record: list[str] = []
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
            raise StopIteration
        self.record.append(line)
        self._size += len(line)
        if self._size > MAX_LINE:
            raise csv.Error(f"the record is longer than {MAX_LINE // 2**20} MiB")
        return line

    def _read(self) -> str:
        """Read a line, of a very long one the beginning."""
        line = rest = self._file.readline(MAX_LINE + 1)
        while len(rest) > MAX_LINE and not rest.endswith("\n"):
            rest = self._file.readline(MAX_LINE + 1)
        return line


def _delimiter(lines: _Lines) -> str:
    unquoted = re.sub(r'"[^"]*"', "", lines.peek())
    return max(",;\t", key=unquoted.count)


def _header(rows: Iterator[list[str]], path: str) -> list[str]:
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise ReaderError(f"{path}: the first line isn't CSV: {error}") from error
    if not {"id", "_id"} & set(header) or "text" not in header:
        raise ReaderError(f"{path}: expected the columns 'id' and 'text' in the first line, got {header!r:.200}")
    if len(set(header)) < len(header):
        raise ReaderError(f"{path}: a column name stands twice in the first line: {header!r:.200}")
    return header


def _row(header: list[str], cells: list[str]) -> dict[str, Any]:
    if len(cells) != len(header):
        raise InvalidDocument(f"expected {len(header)} cells as in the first line, got {len(cells)}")
    row: dict[str, Any] = dict(zip(header, cells, strict=True))
    if "version" in row:
        row["version"] = _version(row["version"])
    if "metadata" in row:
        # A cell can't hold an object: a column of that name is an ordinary one.
        row["metadata"] = {"metadata": row["metadata"]}
    return row


def _version(cell: str) -> int | None:
    if not cell.strip():
        return None
    if not re.fullmatch(r"-?[0-9]{1,20}", cell.strip()):
        raise InvalidDocument(f"version must be an integer, got {cell!r:.100}")
    return int(cell)


def _reason(error: InvalidDocument, cells: list[str]) -> str:
    if any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
        return f"invalid UTF-8: {error}"
    return str(error)
