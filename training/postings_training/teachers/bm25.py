"""BM25 as vectors, so that one product scores a batch; it teaches exact words, and finds likely answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from postings.errors import MissingExtra
from postings_training.data.word_statistics import K1, B, english_stemmer
from postings_training.teachers.sparse_rows import sparse_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def bm25_vectors(queries: Sequence[str], documents: Sequence[str]) -> tuple[csr_array, csr_array]:
    """Compute vectors whose dot products are the BM25 scores of queries and documents.

    The documents are the corpus. ``bm25s`` computes Lucene's formula with k1 1.2 and b 0.75, English stop words and
    the English Snowball stemmer, which leaves words of other languages mostly as they are. Lù 2024,
    https://arxiv.org/abs/2407.03618

    Args:
        queries: words that no document has are left out.
        documents: at least one.

    Returns:
        Vectors of the queries, shape ``(queries, words)``, and of the documents, shape ``(documents, words)``, in
        float32.

    Raises:
        MissingExtra: ``bm25s`` or ``PyStemmer`` isn't installed.

    Example:
        >>> queries, documents = bm25_vectors(["fast cats"], ["A cat is fast, a fast cat.", "A dog sleeps."])
        >>> (queries @ documents.T).toarray().tolist()
        [[0.79..., 0.0]]
    """
    try:
        import bm25s
    except ImportError as error:
        raise MissingExtra("training", "BM25 as a teacher") from error
    from scipy.sparse import csc_array, csr_array

    stemmer = english_stemmer()
    corpus = bm25s.tokenize(list(documents), stopwords="en", stemmer=stemmer, show_progress=False)
    if not any(corpus.ids):
        return csr_array((len(queries), 1), dtype=np.float32), csr_array((len(documents), 1), dtype=np.float32)
    index = bm25s.BM25(method="lucene", k1=K1, b=B)
    index.index(corpus, show_progress=False)
    words, size = index.vocab_dict, len(index.scores["indptr"]) - 1
    scores = csc_array(
        (index.scores["data"], index.scores["indices"], index.scores["indptr"]), shape=(len(documents), size)
    )
    asked = bm25s.tokenize(list(queries), stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False)
    counts = [Counter(words[word] for word in each if word in words) for each in asked]
    return sparse_rows(counts, size), csr_array(scores)
