"""Sparse vectors for a model to imitate: its teacher's, with more weight on the words that a text itself has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from postings.encoder.tokenizer import Tokenizer
from postings_training.recipe import Imitation

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_K1, _B = 1.2, 0.75


def imitated(
    vectors: tuple[csr_array, csr_array],
    texts: tuple[Sequence[str], Sequence[str]],
    tokenizer: Tokenizer,
    how: Imitation,
) -> tuple[csr_array, csr_array]:
    """What the vectors of queries and documents shall be.

    A product of two such vectors is the teacher's score and BM25's, and what both have in common: the expansions of a
    document are found by the exact words of a query.

    Args:
        vectors: the teacher's, of queries and documents, shape ``(texts, vocabulary)`` each.
        texts: the same ones.
        tokenizer: the teacher's, cutting texts to what is read of them, without special tokens.
        how: how much exact words weigh, and what is too little to be kept.

    Returns:
        Shape ``(texts, vocabulary)`` each, in float32.
    """
    wanted = []
    for found, exact in zip(vectors, word_weights(*texts, tokenizer), strict=True):
        same = found.copy()  # the teacher's scores are still computed with it
        same.resize(exact.shape)
        total = (same + how.exact * exact).tocsr()
        total.data[total.data < how.least] = 0
        total.eliminate_zeros()
        wanted.append(total)
    return wanted[0], wanted[1]


def word_weights(queries: Sequence[str], documents: Sequence[str], tokenizer: Tokenizer) -> tuple[csr_array, csr_array]:
    """BM25 over the tokens of a model, with the inverse document frequency on both sides.

    A query's token weighs its inverse document frequency, a document's that times its saturated count (k1 1.2, b 0.75),
    as documents and queries of SPLADE both know how much a token says. Robertson and Zaragoza 2009,
    https://doi.org/10.1561/1500000019

    Args:
        queries: any.
        documents: at least one; frequencies and the mean length are theirs.
        tokenizer: without special tokens.

    Returns:
        The queries' and the documents', shape ``(texts, vocabulary)``, in float32.

    Example:
        >>> from postings.encoder.sources import model_folder
        >>> tokenizer = Tokenizer.load(model_folder("tiny"), 510, special_tokens=False)
        >>> queries, documents = word_weights(["fast cats"], ["A cat is fast.", "A dog sleeps."], tokenizer)
        >>> (queries @ documents.T).toarray().tolist()
        [[0.20..., 0.0]]
    """
    asked, counts = (_counts(texts, tokenizer) for texts in (queries, documents))
    found, total = np.bincount(counts.indices, minlength=counts.shape[1]), counts.shape[0]
    weights = np.log1p((total - found + 0.5) / (found + 0.5)).astype(np.float32)
    lengths = counts.sum(1)
    spread = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1.0))
    counts.data = counts.data / (counts.data + np.repeat(spread, np.diff(counts.indptr)))
    asked.data[:] = 1
    for each in (asked, counts):
        each.data = (each.data * weights[each.indices]).astype(np.float32)
    return asked, counts


def _counts(texts: Sequence[str], tokenizer: Tokenizer) -> csr_array:
    from scipy.sparse import csr_array

    rows = [np.unique(ids, return_counts=True) for ids in tokenizer.ids(texts)]
    starts = np.cumsum([0, *(len(ids) for ids, _ in rows)])
    none = np.zeros(0, dtype=np.int64)
    ids = np.concatenate([none, *(ids for ids, _ in rows)]).astype(np.int32)
    counts = np.concatenate([none, *(counts for _, counts in rows)]).astype(np.float32)
    return csr_array((counts, ids, starts), shape=(len(texts), max(tokenizer.vocabulary().values()) + 1))
