"""Many sparse vectors at once: checking one by itself takes ten times as long as its part of a check of all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from postings.errors import InvalidVector
from postings.vectors import MAX_INDEX, SparseVector


def cut(
    indices: npt.NDArray[np.integer[Any]], values: npt.NDArray[np.float32], lengths: Sequence[int]
) -> list[SparseVector]:
    """Cut arrays, which hold vectors one after the other, into vectors of these lengths.

    Args:
        indices: of all vectors, shape ``(entries,)``.
        values: of all vectors, shape ``(entries,)``. The vectors are views of both arrays.
        lengths: the active dims of each vector; their sum is ``entries``.

    Raises:
        InvalidVector: a vector breaks a rule of :class:`postings.SparseVector`.

    Example:
        >>> cut(np.array([3, 1, 2]), np.array([0.5, 1.0, 2.0], np.float32), [1, 2])
        [SparseVector({3: 0.5}), SparseVector({1: 1.0, 2: 2.0})]
    """
    ends = np.cumsum(lengths, dtype=np.int64)
    borders = list(pairwise([0, *ends.tolist()]))
    if not _keep_the_rules(indices, values, ends):
        return [SparseVector(indices[start:end], values[start:end]) for start, end in borders]
    numbers: npt.NDArray[np.int32] = indices.astype(np.int32, copy=False)
    return [SparseVector.unchecked(numbers[start:end], values[start:end]) for start, end in borders]


def named_vectors(stored: Iterable[Any]) -> list[Mapping[str, SparseVector]]:
    """The vectors of each point of an engine's answer.

    Another client may have written them: their entries may be in any order, and zero.

    Args:
        stored: of each point, its vectors by their names, with lists of ``indices`` and ``values``; anything but a dict
            if none were asked for.

    Raises:
        InvalidVector: a vector has an index twice or out of range, another number of indices than of values, or a value
            that isn't finite.

    Example:
        >>> class Stored:  # as an engine's own type
        ...     indices, values = [5, 3], [1.0, 0.5]
        >>> named_vectors([{"model": Stored()}, None])
        [{'model': SparseVector({3: 0.5, 5: 1.0})}, {}]
    """
    points: list[Mapping[str, Any]] = [each if isinstance(each, dict) else {} for each in stored]
    entries = [(vector.indices, vector.values) for each in points for vector in each.values()]
    if not entries:
        return points
    try:
        vectors = iter(_at_once(entries))
    except (InvalidVector, OverflowError):
        vectors = iter([SparseVector.from_pairs(zip(*each, strict=True)) for each in entries])
    return [{name: next(vectors) for name in each} for each in points]


def _at_once(entries: Sequence[tuple[Sequence[int], Sequence[float]]]) -> list[SparseVector]:
    lengths = [len(indices) for indices, _ in entries]
    if lengths != [len(values) for _, values in entries]:
        raise InvalidVector("a sparse vector needs as many values as indices")
    indices = np.fromiter(chain.from_iterable(each for each, _ in entries), np.int64, sum(lengths))
    with np.errstate(over="ignore"):
        values = np.fromiter(chain.from_iterable(each for _, each in entries), np.float32, sum(lengths))
    return cut(indices, values, lengths)


def _keep_the_rules(
    indices: npt.NDArray[np.integer[Any]], values: npt.NDArray[np.float32], ends: npt.NDArray[np.int64]
) -> bool:
    if not len(indices):
        return True
    ascending = indices[1:] > indices[:-1]
    ascending[ends[(ends > 0) & (ends < len(indices))] - 1] = True
    in_range = indices.min() >= 0 and indices.max() <= MAX_INDEX
    return bool(in_range and ascending.all() and np.isfinite(values).all() and values.all())
