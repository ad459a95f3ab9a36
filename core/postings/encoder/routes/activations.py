"""The result of a pass over the model: a sparse vector for each text, made from the non-zeros."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from postings.encoder.arrays import rows_of
from postings.errors import InvalidVector
from postings.vectors import SparseVector

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Activations:
    """A text's sparse vector, and the position in the text where each entry has its maximum, if known."""

    vector: SparseVector
    positions: Integers | None = None


def entries_of(possible: npt.NDArray[np.bool_]) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """The columns of each row that are true, padded to the same number for all rows.

    Returns:
        The columns in ascending order, and which of them aren't padding, both of shape ``(rows, most in a row)``.

    Example:
        >>> entries, real = entries_of(np.array([[False, True, True], [True, False, False]]))
        >>> entries.tolist(), real.tolist()
        ([[1, 2], [0, 0]], [[True, True], [True, False]])
    """
    columns = np.flatnonzero(possible)
    counts = np.count_nonzero(possible, axis=1)
    real = np.arange(counts.max(initial=0)) < counts[:, None]
    entries = np.zeros(real.shape, dtype=np.int64)
    entries[real] = columns % possible.shape[1]
    return entries, real


def padded_entries(entries: Sequence[Integers], size: int) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Vocabulary entries of each text, padded with 0 to the same number for all texts.

    Args:
        entries: of each text; not all may be empty.
        size: number of entries in the vocabulary.

    Returns:
        The entries, with 0 in place of those beyond the vocabulary, and which of them are in the vocabulary, both of
        shape ``(texts, most of a text)``.
    """
    columns = np.zeros((len(entries), max(map(len, entries))), dtype=np.int64)
    for row, wanted in enumerate(entries):
        columns[row, : len(wanted)] = wanted
    known = columns < size
    return np.where(known, columns, 0), known


def activations(
    entries: Integers, values: Floats, positions: Integers | None, max_active_dims: int | None
) -> list[Activations]:
    """Turn each row into a vector.

    Args:
        entries: vocabulary entries, shape ``(texts, n)``, ascending in each row.
        values: their weights, 0 for entries that aren't active and for padding.
        positions: where in the text each entry has its maximum.
        max_active_dims: keep only so many of the highest weights of each row.

    Raises:
        InvalidVector: a weight isn't finite.
    """
    # Checked first: NaN isn't greater than 0, so it would be taken for an entry that isn't active.
    require_finite(values)
    if max_active_dims is not None and values.shape[1] > max_active_dims:
        kept = np.sort(np.argpartition(-values, max_active_dims - 1, axis=1)[:, :max_active_dims], axis=1)
        entries, values = np.take_along_axis(entries, kept, 1), np.take_along_axis(values, kept, 1)
        positions = None if positions is None else np.take_along_axis(positions, kept, 1)
    active = values > 0
    lengths = np.count_nonzero(active, axis=1).tolist()
    vectors = vectors_of(entries[active], values[active], lengths)
    if positions is None:
        return [Activations(vector) for vector in vectors]
    return [Activations(*each) for each in zip(vectors, rows_of(positions[active], lengths), strict=True)]


def vectors_of(indices: Integers, values: Floats, lengths: Sequence[int]) -> list[SparseVector]:
    """Cut the active entries of many texts into one vector for each text.

    Args:
        indices: vocabulary entries, text by text, ascending for each text, shape ``(entries,)``.
        values: their weights, shape ``(entries,)``, finite and not 0.
        lengths: number of entries of each text.
    """
    rows = zip(rows_of(indices.astype(np.int32), lengths), rows_of(values, lengths), strict=True)
    return [SparseVector.unchecked(*row) for row in rows]


def require_finite(values: Floats) -> None:
    """Raise :class:`InvalidVector` if a number that the model computed isn't finite."""
    if not np.isfinite(values).all():
        raise InvalidVector(f"the model computed weights that aren't finite, such as {values[~np.isfinite(values)][0]}")


def saturated(logits: Floats, logarithms: int) -> Floats:
    """SPLADE's activation: ``log1p`` of the positive part, once or twice."""
    values = np.maximum(logits, np.float32(0))
    for _ in range(logarithms):
        values = np.log1p(values)
    return values
