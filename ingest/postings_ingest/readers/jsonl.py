"""JSON Lines: one object per line, from a file or standard input."""

from __future__ import annotations

import codecs
import functools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from postings import Document
from postings.errors import InvalidDocument
from postings.unprintable import escape_surrogates
from postings_ingest.readers.omissions import Omission, OmissionKind, Omit
from postings_ingest.readers.records import document_from_record
from postings_ingest.readers.rejections import LONGEST_RECORD, Reject, Rejection, fields_of, is_rejection
from postings_ingest.readers.sources import Source

MAX_LINE = LONGEST_RECORD
"""The longest line in bytes: a longer one is rejected without being held in memory."""


FIRST = 20
"""Records whose fields are looked at to name those of a file."""


def read(source: Source, reject: Reject, omit: Omit) -> Iterator[Document]:
    """Read documents from JSON Lines."""
    decoder = Decoder(source, reject, omit)
    with source.open() as file:
        yield from decoder.documents(_lines(file, partial=source.partial))


def fields(source: Source) -> list[str]:
    """The names of the first objects' fields."""
    with source.open() as file:
        return names_in(_lines(file, partial=source.partial))


def names_in(values: Iterable[tuple[int, bytes]]) -> list[str]:
    """The names of the fields of the first objects, in the order in which they come; what isn't an object has none."""
    names: dict[str, None] = {}
    for _, value in islice(values, FIRST):
        try:
            row = json.loads(_text(value), parse_int=integer)
        except (ValueError, RecursionError):
            continue
        if is_rejection(row):
            row = row.get("record")
        names |= dict.fromkeys(row if isinstance(row, dict) else ())
    return [escape_surrogates(each) for each in names]


class Decoder:
    """Builds documents from the JSON objects of a source."""

    def __init__(self, source: Source, reject: Reject, omit: Omit) -> None:
        self._source, self._reject, self._omit = source, reject, omit
        self._twice: list[str] = []
        object_of = functools.partial(_object, self._twice)
        self._decoder = json.JSONDecoder(object_pairs_hook=object_of, parse_int=integer)

    def documents(self, values: Iterable[tuple[int, bytes]]) -> Iterator[Document]:
        """Build documents from objects, given with the lines where they begin; reject those that can't be used."""
        for line, value in values:
            document = self._document(line, value)
            if document is not None:
                yield document

    def _document(self, line: int, value: bytes) -> Document | None:
        path = self._source.path
        if len(value) > MAX_LINE:
            reason = f"the record is longer than {MAX_LINE // 2**20} MiB"
            self._reject(Rejection.of(path, line, reason, value[:1000]))
            return None
        if not value.removeprefix(codecs.BOM_UTF8).strip():
            return None
        place = f"{path}:{line}"
        self._twice.clear()
        row: Any = None
        raw: object = value
        fields = self._source.fields
        try:
            row = self._decoder.decode(_text(value))
            if is_rejection(row):
                kept, row = row, row.get("record")
                raw, fields = kept.get("raw", row), fields_of(kept, fields)
                if isinstance(raw, str):
                    row = self._decode_again(raw, kept["reason"])
            document = document_from_record(row, place, self._omit, fields)
        except (InvalidDocument, ValueError, RecursionError) as error:
            self._reject(Rejection.of(path, line, _reason(error), raw, row, fields))
            return None
        for name in self._twice:
            self._omit(Omission(OmissionKind.FIELD, place, name))
        return document

    def _decode_again(self, raw: str, reason: object) -> object:
        """Decode a rejected record again; if it isn't a JSON object, it is rejected for the same reason."""
        try:
            row: object = self._decoder.decode(raw)
        except (ValueError, RecursionError) as error:
            raise InvalidDocument(str(reason)) from error
        if not isinstance(row, dict):
            raise InvalidDocument(str(reason))
        return row


def estimate(source: Source) -> int | None:
    """Count the lines; ``None`` if the source can't be read twice, or is compressed."""
    if not source.can_be_read_twice:
        return None
    with source.open() as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))


def _lines(file: BinaryIO, *, partial: bool = False) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        if partial and len(line) <= MAX_LINE and not line.endswith(b"\n"):
            return
        number += 1
        yield number, line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE + 1)


def _text(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("utf-8-sig")


def _object(twice: list[str], pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Build an object, and note names that it has twice: the last one counts, as in every JSON parser."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice += [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    return fields


def integer(digits: str) -> int | str:
    """The integer, or its text if it exceeds 64 bits, because Python refuses to read thousands of digits."""
    return int(digits) if len(digits) <= 20 else digits


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"invalid UTF-8: byte 0x{error.object[error.start]:02x} at position {error.start}"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}"
    if isinstance(error, RecursionError):
        return "not JSON that can be read: nested too deeply"
    return str(error)
