"""Why a passage scored: each token's contribution, and the characters that fired it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from postings import Encoder, SparseVector
from postings.passages import passage_input
from postings_query.hits import Contribution, Span


@dataclass(frozen=True, slots=True)
class SharedDims:
    """The active dims that a query and a document share, the largest product first.

    Attributes:
        indices: vocabulary entries, shape ``(n,)``.
        query_weights, document_weights: their weights, shape ``(n,)``.
    """

    indices: npt.NDArray[np.int32]
    query_weights: npt.NDArray[np.float32]
    document_weights: npt.NDArray[np.float32]

    @property
    def products(self) -> npt.NDArray[np.float64]:
        """Each dim's part of the score; they add up to it within float error."""
        return self.query_weights.astype(np.float64) * self.document_weights


def shared_dims(query: SparseVector, documents: Sequence[SparseVector]) -> list[SharedDims]:
    """Split the scores of many documents by dims.

    Qdrant scores sparse vectors by dot product, so a dim's contribution is query weight x document weight.

    Example:
        >>> query, document = SparseVector([1, 5], [2.0, 1.0]), SparseVector([1, 4, 5], [0.5, 9.0, 3.0])
        >>> (shared,) = shared_dims(query, [document])
        >>> shared.indices.tolist(), shared.products.tolist()
        ([5, 1], [3.0, 1.0])
    """
    if not documents or not len(query):
        return [_NOTHING] * len(documents)
    last = int(query.indices[-1])
    place = np.full(last + 2, -1, dtype=np.int32)
    place[query.indices] = np.arange(len(query))
    lengths = np.fromiter(map(len, documents), dtype=np.int64, count=len(documents))
    indices = np.concatenate([document.indices for document in documents])
    places = place[np.minimum(indices, last + 1)]
    found = np.flatnonzero(places >= 0)
    rows = np.repeat(np.arange(len(documents)), lengths)[found]
    query_weights = query.values[places[found]]
    document_weights = np.concatenate([document.values for document in documents])[found]
    order = np.lexsort((-query_weights.astype(np.float64) * document_weights, rows))
    ordered = indices[found][order], query_weights[order], document_weights[order]
    borders = np.searchsorted(rows, np.arange(len(documents) + 1)).tolist()
    return [SharedDims(*(part[start:end] for part in ordered)) for start, end in itertools.pairwise(borders)]


def contributions(
    encoder: Encoder, query: SparseVector, passages: Sequence[tuple[SparseVector, str, str]]
) -> list[tuple[Contribution, ...]]:
    """Say for each token that a query shares with a passage what it contributes, and where it comes from.

    Args:
        encoder: the collection's.
        query: the query's vector.
        passages: each as its stored vector, its title and its text.
    """
    found = shared_dims(query, [vector for vector, _, _ in passages])
    inputs = [passage_input(encoder, title, text) for _, title, text in passages]
    evidence = encoder.evidence([joined for joined, _ in inputs], [shared.indices for shared in found])
    return [
        tuple(
            Contribution(
                token=token,
                index=int(index),
                query_weight=float(query_weight),
                document_weight=float(document_weight),
                contribution=float(product),
                evidence=tuple((start - text_start, end - text_start) for start, end in spans if start >= text_start),
                title_evidence=_in_title(spans, text_start),
            )
            for token, index, query_weight, document_weight, product, spans in zip(
                encoder.tokens(shared.indices),
                shared.indices,
                shared.query_weights,
                shared.document_weights,
                shared.products,
                every_span,
                strict=True,
            )
        )
        for shared, (_, text_start), every_span in zip(found, inputs, evidence, strict=True)
    ]


_NOTHING = SharedDims(np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.float32))


def _in_title(spans: list[Span], text_start: int) -> tuple[Span, ...]:
    return tuple((start, end) for start, end in spans if start < text_start)
