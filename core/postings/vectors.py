"""Sparse vectors: encoders make them, indexes store them, attribution reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from postings.errors import InvalidVector

MAX_INDEX = 2**31 - 1
"""The largest index of a dim: in a model's vocabulary, or the hash of a word's stem."""


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class SparseVector:
    """The active dims of a text and their weights.

    A vector is checked when it is created: the embedded engine accepts duplicate indices and unequal lengths, and can
    crash on them later. :meth:`from_dense` and :meth:`from_pairs` accept unsorted data and zeros.

    Args:
        indices: vocabulary indices, shape ``(n,)``, strictly ascending, ``0 <= index < 2**31``.
        values: their weights, shape ``(n,)``, finite and not zero.

    Raises:
        InvalidVector: the arrays break one of these rules; the message says which one, and where.

    Example:
        >>> vector = SparseVector([3, 17], [0.5, 1.25])
        >>> len(vector), vector.values.dtype
        (2, dtype('float32'))
    """

    indices: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]

    def __init__(self, indices: npt.ArrayLike | Iterator[int], values: npt.ArrayLike | Iterator[float]) -> None:
        raw_indices, value_array = _as_array("indices", indices), _as_values(values)
        if raw_indices.shape != value_array.shape:
            raise InvalidVector(
                f"a sparse vector needs as many values as indices, got {raw_indices.size} indices "
                f"and {value_array.size} values"
            )
        index_array = _as_indices(raw_indices)
        if not (np.isfinite(value_array).all() and value_array.all()):
            at = int(np.flatnonzero(~np.isfinite(value_array) | (value_array == 0))[0])
            raise InvalidVector(f"values must be finite and not zero, got {value_array[at]} at index {index_array[at]}")
        index_array.setflags(write=False)
        value_array.setflags(write=False)
        object.__setattr__(self, "indices", index_array)
        object.__setattr__(self, "values", value_array)

    @classmethod
    def unchecked(cls, indices: npt.NDArray[np.int32], values: npt.NDArray[np.float32]) -> SparseVector:
        """Create a vector without checks, which take 10 µs, from arrays that keep the rules and are never changed."""
        vector = object.__new__(cls)
        indices.setflags(write=False)
        values.setflags(write=False)
        object.__setattr__(vector, "indices", indices)
        object.__setattr__(vector, "values", values)
        return vector

    @classmethod
    def from_dense(cls, weights: npt.ArrayLike | Iterator[float]) -> SparseVector:
        """Create a vector from the non-zeros of ``weights``, shape ``(vocabulary,)``.

        Example:
            >>> SparseVector.from_dense([0.0, 0.0, 2.0])
            SparseVector({2: 2.0})
        """
        dense = _as_values(weights)
        indices = np.flatnonzero(dense)
        return cls(indices, dense[indices])

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[int, float]]) -> SparseVector:
        """Create a vector from ``(index, value)`` pairs in any order, without zeros; a repeated index is an error.

        Example:
            >>> SparseVector.from_pairs([(7, 1.0), (2, 0.5), (3, 0.0)])
            SparseVector({2: 0.5, 7: 1.0})
        """
        try:
            kept = [(index, value) for index, value in pairs]
        except (TypeError, ValueError) as error:
            raise InvalidVector(f"pairs must be pairs of an index and a value: {error}") from error
        indices, values = _as_array("indices", [index for index, _ in kept]), _as_values([value for _, value in kept])
        order = np.argsort(indices)
        order = order[values[order] != 0]
        return cls(indices[order], values[order])

    def dot(self, other: SparseVector) -> float:
        """The dot product, which is the engine's score: the sum of the products over the dims that both vectors have.

        Example:
            >>> SparseVector([1, 2], [1.0, 2.0]).dot(SparseVector([2, 3], [4.0, 1.0]))
            8.0
        """
        _, mine, theirs = np.intersect1d(self.indices, other.indices, assume_unique=True, return_indices=True)
        return float(np.dot(self.values[mine].astype(np.float64), other.values[theirs].astype(np.float64)))

    def largest_difference(self, other: SparseVector) -> float:
        """The largest absolute difference of two weights; the weight of a missing dim is 0.

        Example:
            >>> SparseVector([1, 2], [1.0, 2.0]).largest_difference(SparseVector([2, 3], [2.0, 0.5]))
            1.0
        """
        both = np.union1d(self.indices, other.indices)
        weights = np.zeros((2, len(both)), dtype=np.float64)
        for row, vector in zip(weights, (self, other), strict=True):
            row[np.searchsorted(both, vector.indices)] = vector.values
        return float(np.abs(weights[0] - weights[1]).max(initial=0.0))

    def __len__(self) -> int:
        """The number of active dims."""
        return int(self.indices.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparseVector):
            return NotImplemented
        return np.array_equal(self.indices, other.indices) and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.indices.tobytes(), self.values.tobytes()))

    def __reduce__(self) -> tuple[type[SparseVector], tuple[Any, Any]]:
        # Makes copies read-only; numpy's wouldn't be.
        return SparseVector, (self.indices, self.values)

    def __repr__(self) -> str:
        shown = ", ".join(f"{i}: {v:.6g}" if v % 1 else f"{i}: {v:.1f}" for i, v in self._first(8))
        return f"SparseVector({{{shown}{', …' if len(self) > 8 else ''}}})"

    def _first(self, count: int) -> list[tuple[int, float]]:
        return list(zip(self.indices[:count].tolist(), self.values[:count].tolist(), strict=True))


def checked_indices(data: npt.ArrayLike | Iterable[int]) -> npt.NDArray[np.int64]:
    """Check vocabulary indices in any order, and return them, shape ``(n,)``.

    Raises:
        InvalidVector: one isn't an integer in ``0..2**31 - 1``.

    Example:
        >>> checked_indices(index for index in (17, 3))
        array([17,  3])
    """
    array = _as_array("indices", data)
    if array.size:
        _check_integers(array)
        _check_range(array.min(), array.max())
    return array.astype(np.int64)


def _as_indices(array: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    if not array.size:
        return array.astype(np.int32)
    _check_integers(array)
    if not (array[1:] > array[:-1]).all():
        at = int(np.flatnonzero(array[1:] <= array[:-1])[0]) + 1
        raise InvalidVector(f"indices must be strictly ascending, got {array[at - 1]}, {array[at]} at position {at}")
    _check_range(array[0], array[-1])
    return array.astype(np.int32)


def _check_integers(array: npt.NDArray[Any]) -> None:
    if array.dtype.kind not in "iu":
        raise InvalidVector(f"indices must be integers, got {array.dtype}")


def _check_range(lowest: Any, highest: Any) -> None:
    if lowest < 0 or highest > MAX_INDEX:
        raise InvalidVector(f"indices must be in 0..{MAX_INDEX}, got {lowest}..{highest}")


def _as_values(values: npt.ArrayLike | Iterable[float]) -> npt.NDArray[np.float32]:
    array = _as_array("values", values)
    if array.size and array.dtype.kind not in "fiu":
        raise InvalidVector(f"values must be real numbers, got {array.dtype}")
    if array.dtype == np.float32:
        return array.copy()
    # A value outside of float32's range becomes infinite here, which the following check reports.
    with np.errstate(over="ignore", under="ignore"):
        return array.astype(np.float32)


def _as_array(name: str, data: npt.ArrayLike | Iterable[float]) -> npt.NDArray[Any]:
    try:
        array = np.asarray(list(data) if isinstance(data, Iterator) else data)
    except (TypeError, ValueError) as error:
        raise InvalidVector(f"{name} must be an array of numbers: {error}") from error
    if array.ndim != 1:
        raise InvalidVector(f"{name} must have one dimension, got shape {array.shape}")
    return array
