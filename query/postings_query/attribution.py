"""Why a passage scored: each token's contribution, and the characters that fired it."""

from __future__ import annotations

import numpy as np

from postings import Encoder, SparseVector
from postings.passages import passage_input
from postings_query.hits import Contribution, Span


def contributions(
    encoder: Encoder, query: SparseVector, document: SparseVector, *, title: str, text: str
) -> tuple[Contribution, ...]:
    """Split the score of a passage by tokens.

    The engine scores by dot product, so a token's contribution is query weight x document weight, and the
    contributions add up to the score within float error. The largest comes first.
    """
    shared, mine, theirs = np.intersect1d(query.indices, document.indices, assume_unique=True, return_indices=True)
    query_weights, document_weights = query.values[mine], document.values[theirs]
    products = query_weights.astype(np.float64) * document_weights
    order = np.argsort(-products, kind="stable")
    joined, text_start = passage_input(encoder, title, text)
    evidence = encoder.evidence(joined, shared[order])
    return tuple(
        Contribution(
            token=token,
            index=int(shared[at]),
            query_weight=float(query_weights[at]),
            document_weight=float(document_weights[at]),
            contribution=float(products[at]),
            evidence=tuple((start - text_start, end - text_start) for start, end in spans if start >= text_start),
            title_evidence=_in_title(spans, text_start),
        )
        for at, token, spans in zip(order, encoder.tokens(shared[order]), evidence, strict=True)
    )


def _in_title(spans: list[Span], text_start: int) -> tuple[Span, ...]:
    return tuple((start, end) for start, end in spans if start < text_start)
