"""Vectors as text: base64 of all indices (int32) and then all values (float32), little-endian, so that none changes.

The vectors of a message are one text, and are checked at once.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Sequence

import numpy as np

from postings.many_vectors import cut
from postings.vectors import SparseVector

_SIZE = 4 + 4  # bytes of an index and of a value


def vectors_to_text(vectors: Iterable[SparseVector]) -> str:
    """Convert vectors; their lengths are sent beside them.

    Example:
        >>> text = vectors_to_text([SparseVector([3], [0.1]), SparseVector([1, 2], [1.0, 2.0])])
        >>> vectors_from_text(text, [1, 2])
        [SparseVector({3: 0.1}), SparseVector({1: 1.0, 2: 2.0})]
    """
    given = list(vectors)
    indices = [vector.indices.astype("<i4", copy=False).tobytes() for vector in given]
    values = [vector.values.astype("<f4", copy=False).tobytes() for vector in given]
    return binascii.b2a_base64(b"".join([*indices, *values]), newline=False).decode("ascii")


def vectors_from_text(text: str, lengths: Sequence[int]) -> list[SparseVector]:
    """Read vectors of these lengths.

    Raises:
        InvalidVector: the arrays break a rule of :class:`postings.SparseVector`.
        ValueError: this isn't such a text, or it has another number of entries.
    """
    if not text and not lengths:
        return []
    data = binascii.a2b_base64(text, strict_mode=True)
    if len(data) != sum(lengths) * _SIZE or min(lengths, default=0) < 0:
        raise ValueError(f"expected {sum(lengths)} indices and as many values, got {len(data)} bytes")
    entries = sum(lengths)
    indices = np.frombuffer(data, "<i4", entries).astype(np.int32, copy=False)
    values = np.frombuffer(data, "<f4", offset=4 * entries).astype(np.float32, copy=False)
    return cut(indices, values, lengths)
