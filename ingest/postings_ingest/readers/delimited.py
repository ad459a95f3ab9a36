"""CSV and TSV: a header line, then one document a row; columns that aren't fields go into the metadata."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from postings import Document
from postings.errors import InvalidDocument, ReaderError
from postings_ingest.readers.jsonl import MAX_LINE, estimate
from postings_ingest.readers.rejections import Reject, Rejection
from postings_ingest.readers.rows import document_from_row

__all__ = ["estimate", "read"]


def read(path: str, reject: Reject) -> Iterator[Document]:
    """Read documents from a ``.csv`` or ``.tsv`` file; comma, semicolon or tab is told from the header.

    Raises:
        ReaderError: the header has no ``id`` or ``text`` column.
    """
    csv.field_size_limit(MAX_LINE)
    # Bytes that aren't UTF-8 become surrogates, which the document's own check reports.
    with Path(path).open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        header_line = file.readline()
        header = next(csv.reader([header_line], delimiter=_delimiter(header_line)), [])
        _check(header, path)
        rows = csv.reader(file, delimiter=_delimiter(header_line), strict=True)
        while True:
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                reject(Rejection.of(path, rows.line_num + 1, f"not CSV: {error}", ""))
                continue
            if not cells:
                continue
            try:
                yield document_from_row(_row(header, cells))
            except InvalidDocument as error:
                reject(Rejection.of(path, rows.line_num + 1, _reason(error, cells), ",".join(cells)))


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _check(header: list[str], path: str) -> None:
    if not {"id", "_id"} & set(header) or "text" not in header:
        raise ReaderError(f"{path}: expected the columns 'id' and 'text' in the first line, got {header!r:.200}")
    if len(set(header)) < len(header):
        raise ReaderError(f"{path}: a column name stands twice in the first line: {header!r:.200}")


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
    if not cell.strip().isascii() or not cell.strip().isdigit():
        raise InvalidDocument(f"version must be an integer, got {cell!r:.100}")
    return int(cell)


def _reason(error: InvalidDocument, cells: list[str]) -> str:
    if any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
        return f"invalid UTF-8: {error}"
    return str(error)
