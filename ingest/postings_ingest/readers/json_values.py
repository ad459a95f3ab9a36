"""JSON: an array of objects, or objects one after another, read as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from postings import Document
from postings.errors import ReaderError
from postings_ingest.readers.jsonl import MAX_LINE, Decoder, names_in
from postings_ingest.readers.omissions import Omit
from postings_ingest.readers.rejections import Reject
from postings_ingest.readers.sources import Source

MAX_DEPTH = 2**17
"""Brackets in each other, far more than in any JSON that can be parsed: what is behind them isn't worth the time."""

_BLOCK = 2**16
_OUTSIDE, _INSIDE = re.compile(rb'["{}\[\],]'), re.compile(rb'["\\]')
_BOM = b"\xef\xbb\xbf"


def read(source: Source, reject: Reject, omit: Omit) -> Iterator[Document]:
    """Read documents from a JSON file: the elements of its array, or its objects, however they are laid out.

    If a value isn't JSON, only that value is rejected if its brackets and quotes are balanced; otherwise, everything up
    to where they are balanced again.

    Raises:
        ReaderError: brackets are nested so deeply that no JSON can follow.
        EOFError: the file ends before its array does.
    """
    decoder = Decoder(source, reject, omit)
    with source.open() as file:
        yield from decoder.documents(_values(file, source))


def fields(source: Source) -> list[str]:
    """The names of the first objects' fields."""
    with source.open() as file:
        return names_in(_values(file, replace(source, partial=True)))


def estimate(source: Source) -> int | None:  # noqa: ARG001 - the readers' common signature
    """``None``: the number is known only after reading."""
    return None


def _values(file: BinaryIO, source: Source) -> Iterator[tuple[int, bytes]]:
    """The values of a file, each with the line where it begins; of one that is too long, only the beginning."""
    value, line, lines, depth = bytearray(), 1, 0, 0
    in_array, begun = False, False
    for text, sign in _pieces(file):
        lines += text.count(b"\n")
        separates = in_array and depth == 0 and sign in (b",", b"]")
        opens = sign == b"[" and not begun and not (value + text).removeprefix(_BOM).strip()
        value += (text if separates or opens else text + sign)[: MAX_LINE + 1 - len(value)]
        begun = begun or sign != b""
        if opens or separates:
            in_array = sign != b"]"
        else:
            depth = max(depth + (sign in (b"{", b"[")) - (sign in (b"}", b"]")), 0)
            if depth > MAX_DEPTH:
                raise ReaderError(
                    f"{source.path}:{line + lines} is nested more than {MAX_DEPTH:,} deep: this isn't JSON"
                )
        if separates or opens or (not in_array and depth == 0 and sign in (b"}", b"]")):
            if not opens:
                yield _first_line(value, line), bytes(value)
            line, lines = line + lines, 0
            value.clear()
    if source.partial:
        return
    yield _first_line(value, line), bytes(value)
    if in_array:
        raise EOFError("the file ends before its array does")


def _first_line(value: bytearray, line: int) -> int:
    return line + value.count(b"\n", 0, len(value) - len(value.lstrip()))


def _pieces(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The text before each bracket and comma outside of strings, with that sign; at the end of a block, without one.

    In UTF-8, no other character contains one of these bytes.
    """
    in_string = escaped = False
    while block := file.read1(_BLOCK):  # type: ignore[attr-defined]
        begin = at = 0
        while at < len(block):
            if escaped:
                escaped, at = False, at + 1
                continue
            found = (_INSIDE if in_string else _OUTSIDE).search(block, at)
            if found is None:
                break
            at, sign = found.end(), found[0]
            if in_string or sign == b'"':
                escaped = sign == b"\\"
                in_string ^= sign == b'"'
            else:
                yield block[begin : at - 1], sign
                begin = at
        yield block[begin:], b""
