"""How sparse vectors are, what that costs a search, and vectors that keep only their largest entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from postings import SparseVector


@dataclass(frozen=True, slots=True)
class Sparsity:
    """Of the vectors of a corpus and its queries.

    Attributes:
        document_dims: active dims of a document's vector (of a passage's, where documents are cut), the mean.
        query_dims: of a query's.
        flops: products that scoring one document by one query takes, the mean: the sum over the vocabulary of the
            part of the queries that have the dim active times the part of the documents that have (Formal et al.
            2021, https://arxiv.org/abs/2107.05720).
    """

    document_dims: float
    query_dims: float
    flops: float

    @classmethod
    def of(cls, documents: Iterable[SparseVector], queries: Iterable[SparseVector]) -> Sparsity:
        """Measure vectors; there is at least one of each.

        Example:
            >>> Sparsity.of([SparseVector([1, 2], [1.0, 1.0]), SparseVector([2], [3.0])], [SparseVector([2], [1.0])])
            Sparsity(document_dims=1.5, query_dims=1.0, flops=1.0)
        """
        documents, queries = list(documents), list(queries)
        size = max((int(each.indices[-1]) for each in (*documents, *queries) if len(each)), default=0) + 1
        active = [_active(vectors, size) for vectors in (documents, queries)]
        return cls(float(active[0].sum()), float(active[1].sum()), float(active[0] @ active[1]))


def top(vector: SparseVector, k: int) -> SparseVector:
    """Keep the ``k`` entries with the largest values, of equal ones those with the lowest indices.

    Example:
        >>> top(SparseVector([1, 2, 5], [1.0, 3.0, 2.0]), 2)
        SparseVector({2: 3.0, 5: 2.0})
    """
    if len(vector) <= k:
        return vector
    kept = np.sort(np.argsort(-vector.values, kind="stable")[:k])
    return SparseVector.unchecked(vector.indices[kept], vector.values[kept])


def _active(vectors: Sequence[SparseVector], size: int) -> npt.NDArray[np.float64]:
    """The part of the vectors that have each dim active, shape ``(size,)``."""
    dims = np.concatenate([vector.indices for vector in vectors])
    return np.bincount(dims, minlength=size) / len(vectors)
