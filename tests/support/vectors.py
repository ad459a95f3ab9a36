"""Comparing vectors with those of sentence-transformers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from postings import SparseVector

TOLERANCE = 1e-4


def assert_same(vectors: Sequence[SparseVector], reference: np.ndarray) -> None:
    """Check vectors against the rows of a dense array, shape ``(texts, vocabulary)``: weights and active dims."""
    for vector, row in zip(vectors, reference, strict=True):
        dense = np.zeros_like(row)
        dense[vector.indices] = vector.values
        np.testing.assert_allclose(dense, row, atol=TOLERANCE, rtol=0)
        differing = (dense != 0) != (row != 0)
        assert np.all(np.abs(row[differing]) <= TOLERANCE)
