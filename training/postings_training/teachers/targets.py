"""Sparse vectors for a model to imitate: its teacher's, with the words that a text has and those near to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from postings.encoder.tokenizer import Tokenizer
from postings_training.recipes.objective import ImitationSettings
from postings_training.teachers.exact_words import exact_words

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Vectors = tuple["csr_array", "csr_array"]

_SHARES = 0.5, 1.0
"""Of related words, that queries and documents get."""


def target_vectors(
    vectors: Vectors,
    texts: tuple[Sequence[str], Sequence[str]],
    tokenizer: Tokenizer,
    how: ImitationSettings,
    related: Vectors | None = None,
) -> Vectors:
    """What the vectors of queries and documents shall be.

    The teacher's, to which BM25 over the texts' own words is added, so that the expansions of a document are found by
    the exact words of a query, and words that are near to the text in meaning. A query gets half as much of these: its
    few words must not drown.

    Args:
        vectors: the teacher's, of queries and documents, shape ``(texts, vocabulary)`` each.
        texts: the same ones.
        tokenizer: the teacher's, cutting texts to what is read of them, without special tokens.
        how: how much the teacher's vectors, exact and related words weigh, and what is too little to be kept.
        related: of both, as :func:`postings_training.teachers.related_words.related_words` gives them.

    Returns:
        Shape ``(texts, vocabulary)`` each, in float32.
    """
    wanted = []
    exact = exact_words(*texts, tokenizer)
    for found, own, near, share in zip(vectors, exact, related or (None, None), _SHARES, strict=True):
        same = found.copy()  # the teacher's scores are still computed with it
        same.resize(own.shape)
        total = (how.teacher * same + how.exact * own).tocsr()
        if near is not None:
            total = (total + how.related * share * near).tocsr()
        total.data[total.data < how.least] = 0
        total.eliminate_zeros()
        wanted.append(total)
    return wanted[0], wanted[1]
