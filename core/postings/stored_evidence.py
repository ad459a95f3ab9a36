"""Stored evidence: the characters that activated each active dim of a passage, packed into a short string.

It is stored with the passage, so that a search explains a hit without reading its text with the model again. Most dims
share their characters with others, so the distinct spans are stored once, in order, and each dim names one of them::

    4 bytes   CRC-32 of all that the evidence belongs to, and of what follows
    4 bytes   number of distinct spans (22 bits), bits of a gap (5), bits of a length (5)
    bits      of each span the gap from the start of the one before it; of each span its length; of each dim the number
              of its span from 1, or 0 if no characters of the passage activated it

A payload is JSON, so these bytes are written in base64. The CRC tells evidence of another text, another model or other
dims from that of the passage, and what was damaged from what was written.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np
import numpy.typing as npt

from postings.documents import Span
from postings.encoder.evidence import Spans, as_lists
from postings.vectors import SparseVector

_WIDTH = 5


def pack(spans: Spans, text_start: int, fingerprint: str, vector: SparseVector, title: str, text: str) -> str:
    """Pack the evidence of a passage.

    Args:
        spans: of each active dim, as :meth:`postings.Encoder.encode_with_spans` returned them.
        text_start: the offset of the text in what the model read, see :func:`postings.passages.passage_input`.
        fingerprint: of the model.
        vector: the passage's.
        title: the passage's.
        text: the passage's.

    Example:
        >>> vector = SparseVector([2313, 5000], [0.5, 1.5])
        >>> packed = pack(np.array([[0, 0], [2, 6]]), 0, "0123abcd", vector, "", "a lion hunts")
        >>> unpack(packed, "0123abcd", vector, "", "a lion hunts")
        [[], [(3, 7)]]
        >>> unpack(packed, "0123abcd", vector, "", "a lion sleeps") is None
        True
    """
    # The model may have read only a part of the title.
    in_text = (spans[:, 0] >= text_start) & (spans[:, 1] > spans[:, 0])
    spans = spans + np.where(in_text, len(title) + 1 - text_start, 0)[:, None]
    distinct, numbers = np.unique(spans[:, 0] << 32 | spans[:, 1], return_inverse=True)
    if distinct.size and not distinct[0]:
        distinct = distinct[1:]
    else:
        numbers = numbers + 1
    starts = distinct >> 32
    gaps, lengths = np.diff(starts, prepend=0), (distinct & 0xFFFFFFFF) - starts
    widths = [int(each.max(initial=0)).bit_length() for each in (gaps, lengths)]
    parts = (gaps, widths[0]), (lengths, widths[1]), (numbers, len(distinct).bit_length())
    bits = np.concatenate([_bits(*part) for part in parts])
    header = len(distinct) << 2 * _WIDTH | widths[0] << _WIDTH | widths[1]
    body = header.to_bytes(4, "big") + np.packbits(bits).tobytes()
    return base64.b64encode(_guard(body, fingerprint, vector, title, text) + body).decode("ascii")


def unpack(packed: str, fingerprint: str, vector: SparseVector, title: str, text: str) -> list[list[Span]] | None:
    """Read the evidence of a passage.

    Returns:
        The spans of each active dim in ``title + " " + text``: one, or none. ``None`` if this isn't what was packed for
        this passage.
    """
    try:
        data = base64.b64decode(packed, validate=True)
    except ValueError:
        return None
    body = data[4:]
    if len(body) < 4 or data[:4] != _guard(body, fingerprint, vector, title, text):
        return None
    spans = _unpacked(body, len(vector), len(title) + 1 + len(text))
    return None if spans is None else as_lists(spans)


def _unpacked(body: bytes, dims: int, characters: int) -> Spans | None:
    header, largest = int.from_bytes(body[:4], "big"), (1 << _WIDTH) - 1
    count = header >> 2 * _WIDTH
    parts = (count, header >> _WIDTH & largest), (count, header & largest), (dims, count.bit_length())
    bits = np.unpackbits(np.frombuffer(body, np.uint8, offset=4))
    # Another client can write anything, a right CRC included.
    if count > dims or sum(size * width for size, width in parts) > len(bits):
        return None
    read, at = [], 0
    for size, width in parts:
        read.append(_numbers(bits[at : at + size * width], size, width))
        at += size * width
    gaps, lengths, numbers = read
    spans = np.zeros((count + 1, 2), np.int64)
    spans[1:, 0] = np.cumsum(gaps)
    spans[1:, 1] = spans[1:, 0] + lengths
    if numbers.max(initial=0) > count or spans.max() > characters:
        return None
    return spans[numbers]


def _bits(numbers: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint8]:
    """The bits of each number, the highest first."""
    return (numbers[:, None] >> np.arange(width)[::-1] & 1).astype(np.uint8).ravel()


def _numbers(bits: npt.NDArray[np.uint8], count: int, width: int) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = bits.reshape(count, width) @ (1 << np.arange(width)[::-1])
    return numbers


def _guard(body: bytes, fingerprint: str, vector: SparseVector, title: str, text: str) -> bytes:
    belongs = zlib.crc32(f"{fingerprint} {len(title)} {title}{text}".encode())
    indices = zlib.crc32(vector.indices.astype("<i4").tobytes(), belongs)
    return zlib.crc32(body, indices).to_bytes(4, "big")
