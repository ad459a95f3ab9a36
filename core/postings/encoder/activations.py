"""What a pass over the model gives for each text, straight from non-zeros to sparse vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from postings.encoder.blocks import rows_of
from postings.errors import InvalidVector
from postings.vectors import SparseVector

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Activations:
    """A text's sparse vector, and the position in the text that each of its entries comes from, where known."""

    vector: SparseVector
    positions: Integers | None = None


def entries_of(possible: npt.NDArray[np.bool_]) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """The set columns of each row, side by side.

    Returns:
        The columns in ascending order, and which of them are real, both of shape ``(rows, most in a row)``.

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


def activations(
    entries: Integers, values: Floats, positions: Integers | None, max_active_dims: int | None
) -> list[Activations]:
    """Make each row a vector.

    Args:
        entries: vocabulary entries, shape ``(texts, n)``, ascending in each row.
        values: their weights, 0 where an entry isn't active or the row has fewer.
        positions: where in the text each comes from.
        max_active_dims: keep only the highest of each row.

    Raises:
        InvalidVector: a weight isn't finite.
    """
    # Here already: NaN isn't over 0, and would be taken for an entry that isn't active.
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
    """Cut the active entries of many texts into a vector each.

    Args:
        indices: vocabulary entries, text by text, ascending in each, shape ``(entries,)``.
        values: their weights, shape ``(entries,)``; all are finite, and none is 0.
        lengths: how many entries each text has.
    """
    rows = zip(rows_of(indices.astype(np.int32), lengths), rows_of(values, lengths), strict=True)
    return [SparseVector.unchecked(*row) for row in rows]


def require_finite(values: Floats) -> None:
    """Raise :class:`InvalidVector` for what a model has computed if a number of it isn't finite."""
    if not np.isfinite(values).all():
        raise InvalidVector(f"the model gives weights that aren't finite, such as {values[~np.isfinite(values)][0]}")


def saturated(logits: Floats, logarithms: int) -> Floats:
    """SPLADE's activation: ``log1p`` of the positive part, once or twice."""
    values = np.maximum(logits, np.float32(0))
    for _ in range(logarithms):
        values = np.log1p(values)
    return values
