"""Readers of documents: each module reads one format as a stream; this one chooses the reader by the path."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from postings import Document
from postings.errors import ReaderError
from postings.ir_dataset import is_ir_dataset
from postings_ingest.readers import beir_corpus, delimited, ir_documents, json_values, jsonl, parquet, texts
from postings_ingest.readers.cells import check_types
from postings_ingest.readers.omissions import Omission, OmissionKind, Omit, ignore
from postings_ingest.readers.records import Fields
from postings_ingest.readers.rejections import Reject, Rejection
from postings_ingest.readers.sources import COMPRESSIONS, SUFFIXES, Source, split_name

__all__ = [
    "Format",
    "Omission",
    "OmissionKind",
    "Omit",
    "Reject",
    "Rejection",
    "estimate_documents",
    "first_bytes",
    "format_and_fields",
    "read_documents",
]


class _Reader(Protocol):
    def read(self, source: Source, reject: Reject, omit: Omit) -> Iterator[Document]: ...

    def fields(self, source: Source) -> list[str]: ...

    def estimate(self, source: Source) -> int | None: ...


Format: TypeAlias = Literal["beir", "csv", "html", "ir-datasets", "json", "jsonl", "markdown", "parquet", "text", "tsv"]
"""The formats by name."""

_READERS: dict[str, _Reader] = {
    "beir": beir_corpus,
    "csv": delimited,
    "html": texts,
    "ir-datasets": ir_documents,
    "json": json_values,
    "jsonl": jsonl,
    "markdown": texts,
    "parquet": parquet,
    "text": texts,
    "tsv": delimited,
}


def read_documents(
    path: str,
    reject: Reject,
    omit: Omit = ignore,
    *,
    format: str | None = None,
    id_field: str | None = None,
    text_field: str | None = None,
    title_field: str | None = None,
    types: Mapping[str, str] | None = None,
    on_read: Callable[[int], None] | None = None,
    partial: bool = False,
) -> Iterator[Document]:
    """Read documents as a stream from a file, a folder, or ``-`` (standard input).

    Args:
        path: a file ``*.jsonl``, ``*.json``, ``*.csv``, ``*.tsv``, ``*.parquet``, ``*.txt``, ``*.md`` or ``*.html``,
            optionally followed by ``.gz`` or ``.zst``; a BEIR folder, which holds ``corpus.jsonl``; a folder of
            text, Markdown and HTML files; or ``ir-datasets:ID``.
        reject: called with each record that can't be used; reading goes on.
        omit: called with everything that is valid but left out, such as a PDF file in a folder of texts.
        format: ``beir``, ``csv``, ``html``, ``ir-datasets``, ``json``, ``jsonl``, ``markdown``, ``parquet``, ``text``
            or ``tsv``; by default from the path; standard input is JSON Lines.
        id_field: the field of a record that holds the id, instead of ``id`` or ``_id``.
        text_field: the field that holds the text, instead of ``text``.
        title_field: the field that holds the title, instead of ``title``.
        types: the types of CSV and TSV columns, by name: ``text``, ``integer``, ``float`` or ``boolean``. By default,
            a column has the type that fits all its cells.
        on_read: called each time that some bytes of a file were read, with the place in it, decompressed; what it
            raises ends the reading.
        partial: whether this is the beginning of a longer file: then its last record, which may be cut, is left out.

    Raises:
        ReaderError: the path doesn't exist, or isn't in one of these formats.

    Example:
        >>> [document.id for document in read_documents("notes.jsonl", reject=print)]
        ['first', 'second']
    """
    with _reader_errors(path):
        fields = Fields(id_field, text_field, title_field)
        source = _source(path, format, fields, types, on_read=on_read, partial=partial)
        yield from _READERS[source.format].read(source, reject, omit)


def format_and_fields(
    path: str, *, format: str | None = None, on_read: Callable[[int], None] | None = None, partial: bool = False
) -> tuple[str, list[str]]:
    """The format of a file, and the names of its columns, or of the fields of its first records, as they come.

    Args:
        path: as in :func:`read_documents`.
        format: as in :func:`read_documents`.
        on_read: as in :func:`read_documents`.
        partial: as in :func:`read_documents`.

    Raises:
        ReaderError: as :func:`read_documents`.

    Example:
        >>> format_and_fields("notes.jsonl")
        ('jsonl', ['id', 'text'])
    """
    with _reader_errors(path):
        source = _source(path, format, on_read=on_read, partial=partial)
        return source.format, _READERS[source.format].fields(source)


def first_bytes(
    path: str,
    most: int,
    *,
    format: str | None = None,
    on_read: Callable[[int], None] | None = None,
    partial: bool = False,
) -> Iterator[bytes]:
    """Read the beginning of a file, decompressed.

    Args:
        path: as in :func:`read_documents`, but no folder.
        most: how many bytes to read.
        format: as in :func:`read_documents`.
        on_read: as in :func:`read_documents`.
        partial: as in :func:`read_documents`.

    Raises:
        ReaderError: as :func:`read_documents`.

    Example:
        >>> b"".join(first_bytes("notes.jsonl", 6))
        b'{"id":'
    """
    with _reader_errors(path), _source(path, format, on_read=on_read, partial=partial).open() as file:
        while most and (block := file.read(min(most, 2**16))):
            most -= len(block)
            yield block


def estimate_documents(
    path: str,
    *,
    format: str | None = None,
    id_field: str | None = None,
    text_field: str | None = None,
    title_field: str | None = None,
    types: Mapping[str, str] | None = None,
) -> int | None:
    """Estimate how many documents :func:`read_documents` will give; ``None`` if that isn't known before reading.

    Args:
        path: as in :func:`read_documents`. Arguments that it would refuse are refused here, too.
        format: as in :func:`read_documents`.
        id_field: as in :func:`read_documents`.
        text_field: as in :func:`read_documents`.
        title_field: as in :func:`read_documents`.
        types: as in :func:`read_documents`.

    Raises:
        ReaderError: as :func:`read_documents`.
    """
    with _reader_errors(path):
        source = _source(path, format, Fields(id_field, text_field, title_field), types)
        return _READERS[source.format].estimate(source)


@contextmanager
def _reader_errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReaderError(f"{path} can't be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise ReaderError(f"{path} can't be read to its end: {error}") from error


def _source(
    path: str,
    format: str | None,
    fields: Fields | None = None,
    types: Mapping[str, str] | None = None,
    *,
    on_read: Callable[[int], None] | None = None,
    partial: bool = False,
) -> Source:
    fields = fields or Fields()
    if not isinstance(path, str):
        raise ReaderError(f"the path must be a string, got {type(path).__name__}")
    if format is not None and format not in _READERS:
        raise ReaderError(f"unknown format {format!r}: expected one of {', '.join(_READERS)}")
    found = _format_of(path, format)
    if _READERS[found] in (texts, ir_documents) and fields != Fields():
        what = "text file" if _READERS[found] is texts else "data set of ir-datasets"
        raise ReaderError(f"{path}: a {what} has no fields, so none can be named for id, text or title")
    return Source(path, found, fields, check_types(types or {}), on_read=on_read, partial=partial)


def _format_of(path: str, format: str | None) -> str:
    """The given format, or the one that the path tells."""
    if is_ir_dataset(path):
        if format not in (None, "ir-datasets"):
            raise ReaderError(f"{path} is a data set of ir-datasets, so it can't be read as {format}")
        return "ir-datasets"
    if format == "ir-datasets":
        raise ReaderError(f"{path} can't be read as ir-datasets: expected ir-datasets:ID")
    if path == "-":
        if format is not None and _READERS[format] in (texts, beir_corpus):
            raise ReaderError(f"- can't be read as {format}: name a file or a folder")
        return format or "jsonl"
    if not path:
        raise ReaderError("the path is empty: name a file or a folder, or - for standard input")
    place = Path(path)
    if place.is_dir():
        found = format or ("beir" if beir_corpus.corpus(path) else "text")
        if found not in ("beir", "text"):
            raise ReaderError(f"{path} is a folder, so it can't be read as {format}: expected beir or text")
        if found == "beir" and not beir_corpus.corpus(path):
            raise ReaderError(f"{path} can't be read as beir: it holds no corpus.jsonl")
        return found
    if not place.exists():
        raise ReaderError(f"{path} doesn't exist")
    if format == "beir":
        raise ReaderError(f"{path} can't be read as beir: it isn't a folder")
    found_by_name = format or split_name(path)[1]
    if found_by_name is None:
        known = f"{', '.join(sorted(SUFFIXES))}, optionally followed by {' or '.join(COMPRESSIONS)}"
        raise ReaderError(f"{path}: unknown format {place.suffix!r}: expected one of {known}; or name the format")
    return found_by_name
