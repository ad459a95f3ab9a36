"""Active dims and FLOPS of vectors, and pruning to the largest entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from postings import SparseVector


@dataclass(frozen=True, slots=True)
class Sparsity:
    """How sparse the vectors of a corpus and its queries are.

    Attributes:
        document_dims: mean active dims of a document's vector, or of a passage's if documents are chunked.
        query_dims: mean active dims of a query's vector.
        flops: mean number of products to score one document for one query: the sum over the dims of the part of the
            queries in which it is active, times the part of the documents in which it is (Formal et al. 2021,
            https://arxiv.org/abs/2107.05720).
    """

    document_dims: float
    query_dims: float
    flops: float

    @classmethod
    def of(cls, documents: Iterable[SparseVector], queries: Iterable[SparseVector]) -> Sparsity:
        """Measure at least one document and one query.

        Example:
            >>> Sparsity.of([SparseVector([1, 2], [1.0, 1.0]), SparseVector([2], [3.0])], [SparseVector([2], [1.0])])
            Sparsity(document_dims=1.5, query_dims=1.0, flops=1.0)
        """
        documents, queries = list(documents), list(queries)
        size = max((int(each.indices[-1]) for each in (*documents, *queries) if len(each)), default=0) + 1
        active = [_active(vectors, size) for vectors in (documents, queries)]
        return cls(float(active[0].sum()), float(active[1].sum()), float(active[0] @ active[1]))


def top(vector: SparseVector, k: int) -> SparseVector:
    """Keep the ``k`` entries with the largest values; of equal values, those with the lowest indices.

    Example:
        >>> top(SparseVector([1, 2, 5], [1.0, 3.0, 2.0]), 2)
        SparseVector({2: 3.0, 5: 2.0})
    """
    if len(vector) <= k:
        return vector
    kept = np.sort(np.argsort(-vector.values, kind="stable")[:k])
    return SparseVector.unchecked(vector.indices[kept], vector.values[kept])


def _active(vectors: Sequence[SparseVector], size: int) -> npt.NDArray[np.float64]:
    """The part of the vectors in which each dim is active, shape ``(size,)``."""
    dims = np.concatenate([vector.indices for vector in vectors])
    return np.bincount(dims, minlength=size) / len(vectors)
