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

import numpy as np
import numpy.typing as npt

from postings.documents import Span
from postings.encoder.evidence import Evidence
from postings.vectors import SparseVector

_WIDTH = 5


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
        >>> unpack(packed, "0123abcd", vector, "", "a lion hunts", vector.indices)
        [[], [(3, 7)]]
        >>> unpack(packed, "0123abcd", vector, "", "a lion sleeps", vector.indices) is None
        True
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


def unpack(
    packed: str, fingerprint: str, vector: SparseVector, title: str, text: str, indices: npt.NDArray[np.int32]
) -> list[list[Span]] | None:
    """Read the evidence of some dims of a passage.

    Args:
        packed: what is stored.
        fingerprint: of the model.
        vector: the passage's.
        title: the passage's.
        text: the passage's.
        indices: of the dims, which the vector has.

    Returns:
        The spans of each of these dims in ``title + " " + text``: one, or none. ``None`` if this isn't what was packed
        for this passage.
    """
    try:
        data = binascii.a2b_base64(packed, strict_mode=True)
    except ValueError:
        return None
    body = data[4:]
    if len(body) < 4 or data[:4] != _guard(body, fingerprint, vector, title, text):
        return None
    wanted = np.searchsorted(vector.indices, indices)
    evidence = _unpacked(body, len(vector), wanted, len(title) + 1 + len(text))
    return None if evidence is None else evidence.lists()


def _unpacked(body: bytes, dims: int, wanted: npt.NDArray[np.int64], characters: int) -> Evidence | None:
    header, widest = int.from_bytes(body[:4], "big"), (1 << _WIDTH) - 1
    count, of_gap, of_length = header >> 2 * _WIDTH, header >> _WIDTH & widest, header & widest
    bits = np.unpackbits(np.frombuffer(body, np.uint8, offset=4))
    middle = count * (of_gap + of_length)
    end = middle + dims * count.bit_length()
    # Another client can write anything, a right CRC included.
    if count > dims or end > len(bits):
        return None
    pairs = _numbers(bits[:middle].reshape(count, of_gap + of_length))
    numbers = _numbers(bits[middle:end].reshape(dims, count.bit_length())[wanted])
    starts = np.cumsum(pairs >> of_length)
    spans = np.stack([starts, starts + 1 + (pairs & (1 << of_length) - 1)], 1)
    if numbers.max(initial=0) > count or spans.max(initial=0) > characters:
        return None
    return Evidence(spans, numbers)


def _bits(numbers: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint8]:
    """The bits of each number, the highest first."""
    octets = numbers.astype(">i8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(octets, axis=1)[:, 64 - width :].ravel()


def _numbers(bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The numbers whose bits are these rows."""
    padded = np.zeros((len(bits), 64), np.uint8)
    padded[:, 64 - bits.shape[1] :] = bits
    return np.packbits(padded, axis=1).view(">i8").ravel()


def _guard(body: bytes, fingerprint: str, vector: SparseVector, title: str, text: str) -> bytes:
    """The CRC-32 of the evidence and of all that it belongs to."""
    belongs = zlib.crc32(f"{fingerprint} {len(title)} {title}{text}".encode())
    indices = zlib.crc32(vector.indices.astype("<i4").tobytes(), belongs)
    return zlib.crc32(body, indices).to_bytes(4, "big")
