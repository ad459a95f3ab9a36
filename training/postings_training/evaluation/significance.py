"""Is the difference of two systems more than chance: a paired randomisation test over queries.

Smucker et al. 2007 (A Comparison of Statistical Significance Tests for Information Retrieval Evaluation) find that it
agrees with the paired t-test, and it needs no assumption on how the differences are distributed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PERMUTATIONS = 10_000

_SEED = 20210707
_CHUNK = 1_000


def randomisation_test(differences: Sequence[Sequence[float]]) -> float:
    """How probable a mean difference as large as this one is, either way, if the two systems were alike.

    Under that hypothesis each query's difference might as well have the other sign. The signs are drawn
    ``PERMUTATIONS`` times, by a fixed seed.

    Args:
        differences: of the queries of each set; what is tested is the mean over the sets of their means.

    Returns:
        The p-value, at least ``1 / (PERMUTATIONS + 1)``.

    Example:
        >>> randomisation_test([[0.0, 0.0, 0.0]])
        1.0
        >>> randomisation_test([[0.1] * 20]) < 0.001
        True
    """
    rows = [np.asarray(row, dtype=np.float64) / (len(row) * len(differences)) for row in differences]
    parts = np.concatenate(rows)
    observed = abs(parts.sum())
    generator = np.random.default_rng(_SEED)
    as_large = 0
    for _ in range(PERMUTATIONS // _CHUNK):
        signs = generator.integers(0, 2, (_CHUNK, len(parts)), dtype=np.int8) * 2 - 1
        # A sum in another order may fall short of an equal one by float error.
        as_large += int(np.count_nonzero(abs(signs @ parts) >= observed - 1e-12))
    return (as_large + 1) / (PERMUTATIONS + 1)
