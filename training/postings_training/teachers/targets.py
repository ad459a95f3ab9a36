"""Target vectors for a model to imitate: its teacher's, plus the words of the text and words near to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from postings.encoder.toolkit import Tokenizer
from postings_training.recipes.objective import ImitationSettings
from postings_training.teachers.exact_words import exact_words

if TYPE_CHECKING:
    from scipy.sparse import csr_array

VectorPair = tuple["csr_array", "csr_array"]  # of queries and of documents

_SHARES = 0.5, 1.0
"""Factors for related words in queries and in documents."""


def target_vectors(
    vectors: VectorPair,
    texts: tuple[Sequence[str], Sequence[str]],
    tokenizer: Tokenizer,
    how: ImitationSettings,
    related: VectorPair | None = None,
) -> VectorPair:
    """Compute the vectors that the model should give queries and documents.

    They are the teacher's vectors, plus BM25 over the texts' own words, so that exact words count, plus words that are
    near to the text in meaning. A query gets half as much of these, or they would drown its few words.

    Args:
        vectors: the teacher's, for queries and documents, shape ``(texts, vocabulary)`` each.
        texts: the queries and the documents.
        tokenizer: the teacher's, which truncates texts as the model does, without special tokens.
        how: factors for the teacher's vectors, exact words and related words, and the smallest weight kept.
        related: for queries and documents, see :func:`.related_words`.

    Returns:
        Shape ``(texts, vocabulary)`` each, in float32.
    """
    wanted = []
    exact = exact_words(*texts, tokenizer)
    for found, own, near, share in zip(vectors, exact, related or (None, None), _SHARES, strict=True):
        same = found.copy()  # the teacher's own vectors are still needed for its scores
        same.resize(own.shape)
        total = (how.teacher * same + how.exact * own).tocsr()
        if near is not None:
            total = (total + how.related * share * near).tocsr()
        total.data[total.data < how.least] = 0
        total.eliminate_zeros()
        wanted.append(total)
    return wanted[0], wanted[1]
