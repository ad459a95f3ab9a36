"""Stored evidence: the characters that activated each active dim of a passage, packed into a short string.

It is stored with the passage, so that a search explains a hit without reading its text with the model again. Most dims
share their characters with others, so each span is stored once, in order, and each dim names one of them::

    4 bytes   CRC-32 of all that the evidence belongs to, and of what follows
    4 bytes   number of spans (22 bits), bits of a gap (5), bits of a length (5)
    bits      of each span the gap from the start of the one before it, and its length - 1; of each dim the number of
              its span from 1, or 0 if no characters of the passage activated it

A payload is JSON, so these bytes are written in base64. The CRC tells evidence of another text, another model or other
dims from that of the passage, and what was damaged from what was written.
"""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from postings.documents import Span
from postings.encoder.evidence import Evidence
from postings.vectors import SparseVector

_WIDTH = 5
_WIDEST = 57  # bits that are read at once; a passage has far fewer than 2**28 characters


def pack(evidence: Evidence, text_start: int, fingerprint: str, vector: SparseVector, title: str, text: str) -> str:
    """Pack the evidence of a passage.

    Args:
        evidence: of each active dim, as :meth:`postings.Encoder.encode_for_storage` returned it.
        text_start: the offset of the text in what the model read, see :func:`postings.passages.passage_input`.
        fingerprint: of the model.
        vector: the passage's.
        title: the passage's.
        text: the passage's.

    Example:
        >>> vector = SparseVector([2313, 5000], [0.5, 1.5])
        >>> evidence = Evidence(np.array([[2, 6]]), np.array([0, 1]))
        >>> packed = pack(evidence, 0, "0123abcd", vector, "", "a lion hunts")
        >>> texts = "a lion hunts", "a lion sleeps"
        >>> unpack("0123abcd", [Packed(packed, vector, "", text, vector.indices) for text in texts])
        [[[], [(3, 7)]], None]
    """
    spans, numbers = evidence.spans, evidence.numbers
    starts, more = spans[:, 0], spans[:, 1] - spans[:, 0] - 1
    # The model may have read only a part of the title.
    starts = np.where(starts >= text_start, starts + (len(title) + 1 - text_start), starts)
    gaps = np.diff(starts, prepend=0)
    if gaps.min(initial=0) < 0:  # a tokenizer may reorder characters
        order = np.argsort(starts)
        ranks = np.argsort(order) + 1
        numbers = np.concatenate([[0], ranks])[numbers]
        gaps, more = np.diff(starts[order], prepend=0), more[order]
    count = len(spans)
    of_gap, of_length = (int(each.max(initial=0)).bit_length() for each in (gaps, more))
    bits = [_bits(gaps << of_length | more, of_gap + of_length), _bits(numbers, count.bit_length())]
    header = count << 2 * _WIDTH | of_gap << _WIDTH | of_length
    body = header.to_bytes(4, "big") + np.packbits(np.concatenate(bits)).tobytes()
    data = _guard(body, fingerprint, vector, title, text) + body
    return binascii.b2a_base64(data, newline=False).decode("ascii")


class Packed(NamedTuple):
    """Packed evidence, and the passage that it should belong to.

    Attributes:
        evidence: what is stored.
        vector: the passage's.
        title: the passage's.
        text: the passage's.
        wanted: indices of the dims whose evidence is read, which the vector has.
    """

    evidence: str
    vector: SparseVector
    title: str
    text: str
    wanted: npt.NDArray[np.int32]


def unpack(fingerprint: str, passages: Sequence[Packed]) -> list[list[list[Span]] | None]:
    """Read the evidence of some dims of each passage.

    Args:
        fingerprint: of the model.
        passages: what is stored; all are read at once, because a call of numpy takes longer than what it does here.

    Returns:
        For each passage the spans of each wanted dim in ``title + " " + text``: one, or none. ``None`` if this isn't
        what was packed for the passage.
    """
    bodies = [_body(fingerprint, each) for each in passages]
    found = [(passage, body) for passage, body in zip(passages, bodies, strict=True) if body]
    spans = iter(_spans(found) if found else ())
    return [next(spans) if body else None for body in bodies]


class _Body(NamedTuple):
    data: bytes
    spans: int
    of_gap: int
    of_length: int


def _body(fingerprint: str, passage: Packed) -> _Body | None:
    """What was packed for this passage, if it was."""
    try:
        data = binascii.a2b_base64(passage.evidence, strict_mode=True)
    except ValueError:
        return None
    body, dims = data[4:], len(passage.vector)
    if len(body) < 4 or data[:4] != _guard(body, fingerprint, passage.vector, passage.title, passage.text):
        return None
    header, widest = int.from_bytes(body[:4], "big"), (1 << _WIDTH) - 1
    count, of_gap, of_length = header >> 2 * _WIDTH, header >> _WIDTH & widest, header & widest
    # Another client can write anything, a right CRC included.
    width = of_gap + of_length
    if count > dims or width > _WIDEST or count * width + dims * count.bit_length() > 8 * (len(body) - 4):
        return None
    return _Body(body[4:], count, of_gap, of_length)


def _spans(found: Sequence[tuple[Packed, _Body]]) -> list[list[list[Span]] | None]:
    """For each passage the spans of the wanted dims; ``None`` if they aren't within the passage."""
    data = np.frombuffer(b"".join([*(body.data for _, body in found), bytes(8)]), np.uint8)
    first = 8 * np.cumsum([0, *(len(body.data) for _, body in found)])[:-1]
    counts, of_gap, of_length = np.array([body[1:] for _, body in found]).T
    characters = np.array([len(passage.title) + 1 + len(passage.text) for passage, _ in found])

    before = np.cumsum(counts) - counts
    owner = np.repeat(np.arange(len(found)), counts)
    at = (first - before * (of_gap + of_length))[owner] + np.arange(len(owner)) * (of_gap + of_length)[owner]
    gaps_and_lengths = _numbers(data, at, (of_gap + of_length)[owner])
    gaps = gaps_and_lengths >> of_length[owner]
    starts = np.cumsum(np.append(0, gaps))
    starts = starts[1:] - starts[before[owner]]
    ends = starts + 1 + gaps_and_lengths - (gaps << of_length[owner])
    outside = set(owner[ends > characters[owner]].tolist())

    places = [np.searchsorted(passage.vector.indices, passage.wanted) for passage, _ in found]
    asked = np.repeat(np.arange(len(found)), list(map(len, places)))
    width = np.array([body.spans.bit_length() for _, body in found])
    place = (first + counts * (of_gap + of_length))[asked] + np.concatenate(places) * width[asked]
    numbers = _numbers(data, place, width[asked])
    unknown = numbers > counts[asked]
    outside.update(asked[unknown].tolist())
    numbers[unknown] = 0
    # A dim whose number is 0 has no span.
    own = np.where(numbers, before[asked] + numbers, 0)
    starts, ends = np.append(0, starts)[own], np.append(0, ends)[own]
    every = ([(start, end)] if end else [] for start, end in zip(starts.tolist(), ends.tolist(), strict=True))
    spans = [list(islice(every, len(each))) for each in places]
    return [None if at in outside else each for at, each in enumerate(spans)]


def _bits(numbers: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint8]:
    """The bits of each number, the highest first."""
    octets = numbers.astype(">i8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(octets, axis=1)[:, 64 - width :].ravel()


def _numbers(
    data: npt.NDArray[np.uint8], at: npt.NDArray[np.int64], width: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The numbers that start at these bits, each so many bits wide, at most ``_WIDEST``."""
    octets = data[(at >> 3)[:, None] + np.arange(8)].view(">u8").ravel().astype(np.uint64)
    first = octets << (at & 7).astype(np.uint64)
    # Two shifts, because one by 64 bits has no defined result.
    numbers: npt.NDArray[np.uint64] = first >> np.uint64(1) >> (63 - width).astype(np.uint64)
    return numbers.astype(np.int64)


def _guard(body: bytes, fingerprint: str, vector: SparseVector, title: str, text: str) -> bytes:
    """The CRC-32 of the evidence and of all that it belongs to."""
    belongs = zlib.crc32(f"{fingerprint} {len(title)} {title}{text}".encode())
    indices = zlib.crc32(vector.indices.astype("<i4").tobytes(), belongs)
    return zlib.crc32(body, indices).to_bytes(4, "big")
