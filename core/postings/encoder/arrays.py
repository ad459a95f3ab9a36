"""Rows of different lengths in one block of memory.

One small array for each text would lie between the large arrays that a pass frees. The C library can't merge or return
free memory around it, so a million texts would leave a fragmented heap.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)


def rows_of(block: npt.NDArray[T], lengths: Sequence[int]) -> list[npt.NDArray[T]]:
    """Cut a block into rows of these lengths. The rows are views, which keep the whole block alive.

    Example:
        >>> [row.tolist() for row in rows_of(np.array([5, 6, 7]), [2, 0, 1])]
        [[5, 6], [], [7]]
    """
    return [block[start:end] for start, end in pairwise(accumulate(lengths, initial=0))]
