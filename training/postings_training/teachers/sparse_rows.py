"""Building sparse matrices row by row."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def sparse_rows(rows: Iterable[Mapping[int, float]], size: int) -> csr_array:
    """Build a matrix from rows that map columns to weights.

    Args:
        rows: the weight of each column that has one.
        size: number of columns.

    Returns:
        Shape ``(rows, size)``, in float32. Each row keeps the given order of its columns, in which products are summed:
        BM25 numbers its words differently in each process, so sorting would change the last bits.

    Example:
        >>> sparse_rows([{2: 1.5, 0: 1.0}, {}], 3).toarray().tolist()
        [[1.0, 0.0, 1.5], [0.0, 0.0, 0.0]]
    """
    from scipy.sparse import csr_array

    columns, weights, starts = array("i"), array("f"), [0]
    for row in rows:
        columns.extend(row)
        weights.extend(row.values())
        starts.append(len(columns))
    return csr_array((np.array(weights), np.array(columns), starts), shape=(len(starts) - 1, size))
