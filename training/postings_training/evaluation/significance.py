"""A paired randomization test over queries: is the difference between two systems more than chance?

Smucker et al. 2007 (A Comparison of Statistical Significance Tests for Information Retrieval Evaluation) find that it
agrees with the paired t-test; it needs no assumption about the distribution of the differences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PERMUTATIONS = 10_000

_SEED = 20210707
_CHUNK = 1_000


def randomization_test(differences: Sequence[Sequence[float]]) -> float:
    """Compute the probability of a mean difference at least as large, in either direction, between equal systems.

    If the systems are equal, the difference on each query could as well have the other sign. So signs are drawn
    ``PERMUTATIONS`` times, with a fixed seed.

    Args:
        differences: for each set, the differences of its queries; the mean over the sets of their means is tested.

    Returns:
        The p-value, at least ``1 / (PERMUTATIONS + 1)``.

    Example:
        >>> randomization_test([[0.0, 0.0, 0.0]])
        1.0
        >>> randomization_test([[0.1] * 20]) < 0.001
        True
    """
    rows = [np.asarray(row, dtype=np.float64) / (len(row) * len(differences)) for row in differences]
    parts = np.concatenate(rows)
    observed = abs(parts.sum())
    generator = np.random.default_rng(_SEED)
    as_large = 0
    for _ in range(PERMUTATIONS // _CHUNK):
        signs = generator.integers(0, 2, (_CHUNK, len(parts)), dtype=np.int8) * 2 - 1
        # Equal sums in another order may differ by a rounding error.
        as_large += int(np.count_nonzero(abs(signs @ parts) >= observed - 1e-12))
    return (as_large + 1) / (PERMUTATIONS + 1)
