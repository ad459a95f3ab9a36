"""Rows of few weights as a sparse matrix."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def sparse_rows(rows: Iterable[Mapping[int, float]], size: int) -> csr_array:
    """A matrix of rows that are given as their columns' weights.

    Args:
        rows: the columns that have a weight, and the weights.
        size: how many columns there are.

    Returns:
        Shape ``(rows, size)``, in float32. Each row's columns stay in the order given, in which products are summed:
        where columns are numbered anew in each process, as BM25's words are, sorting would change the last bits.

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
