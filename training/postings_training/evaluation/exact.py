"""Exact search in memory, by posting lists."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from postings import SparseVector

LIMIT = 100
"""Documents found for each query, as many as the measures need."""


class ExactSearch:
    """An inverted index in memory, in float64: the reference for an engine's ranking.

    Args:
        ids: the document id of each vector; if several vectors have the same id, the best counts.
        vectors: as many as ids.

    Example:
        >>> search = ExactSearch(["a", "b"], [SparseVector([1], [2.0]), SparseVector([1, 7], [1.0, 3.0])])
        >>> search(SparseVector([7], [1.0]))
        {'b': 3.0}
    """

    def __init__(self, ids: Iterable[str], vectors: Iterable[SparseVector]) -> None:
        ids, vectors = list(ids), list(vectors)
        names = sorted(set(ids))
        self._names = np.array(names, dtype=object)
        number = {name: at for at, name in enumerate(names)}
        self._document = np.array([number[id] for id in ids], dtype=np.int64)
        self._one_each = len(names) == len(ids)
        lengths = [len(vector) for vector in vectors]
        dims = np.concatenate([np.zeros(0, np.int32), *(vector.indices for vector in vectors)])
        order = np.argsort(dims, kind="stable")
        self._weights = np.concatenate([np.zeros(0), *(vector.values for vector in vectors)])[order]
        self._vector = np.repeat(np.arange(len(lengths)), lengths)[order]
        self._starts = np.searchsorted(dims[order], np.arange(int(dims.max(initial=-1)) + 2))

    def __call__(self, query: SparseVector, limit: int = LIMIT) -> dict[str, float]:
        """Find the best documents and their scores, equal ones by id; documents that share no dim are left out."""
        scores = self.scores(query)
        found = np.flatnonzero(scores)
        if len(found) > limit:
            least = np.partition(scores[found], -limit)[-limit]
            found = found[scores[found] >= least]
        best = found[np.argsort(-scores[found], kind="stable")][:limit]
        return dict(zip(self._names[best].tolist(), scores[best].tolist(), strict=True))

    def scores(self, query: SparseVector) -> npt.NDArray[np.float64]:
        """Compute the score of every document, in the order of the ids, shape ``(documents,)``."""
        known = query.indices < len(self._starts) - 1
        dims, weights = query.indices[known], query.values[known].astype(np.float64)
        lists = [slice(self._starts[dim], self._starts[dim + 1]) for dim in dims]
        lengths = [part.stop - part.start for part in lists]
        empty = np.zeros(0)
        products = np.concatenate([empty, *(self._weights[part] for part in lists)]) * np.repeat(weights, lengths)
        vectors = np.concatenate([empty.astype(np.int64), *(self._vector[part] for part in lists)])
        scores = np.bincount(vectors, products, minlength=len(self._document))
        if self._one_each:
            by_document = np.zeros(len(self._names))
            by_document[self._document] = scores
            return by_document
        by_document = np.full(len(self._names), -np.inf)
        np.maximum.at(by_document, self._document, scores)
        return by_document
