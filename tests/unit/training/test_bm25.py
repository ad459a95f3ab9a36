"""BM25's vectors: their products are the scores that bm25s gives."""

from __future__ import annotations

import bm25s
import numpy as np
import Stemmer
from hypothesis import given
from hypothesis import strategies as st

from postings_training.teachers.bm25 import bm25_vectors

WORDS = st.lists(
    st.sampled_from(["lion", "lions", "hunts", "hunting", "zebra", "the", "a", "Zürich", "x", "42"]), max_size=12
)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=6)


@given(queries=TEXTS, documents=TEXTS)
def test_products_are_scores(queries: list[str], documents: list[str]) -> None:
    documents = [*documents, "a lion hunts"]  # a corpus without a word has no scores
    asked, answers = bm25_vectors(queries, documents)
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(bm25s.tokenize(documents, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    found = (asked @ answers.T).toarray()
    for query, scores in zip(queries, found, strict=True):
        (words,) = bm25s.tokenize([query], stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False)
        known = [word for word in words if word in index.vocab_dict]
        expected = index.get_scores(known) if known else np.zeros(len(documents))
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)


def test_texts_of_stop_words_alone_score_nothing() -> None:
    asked, answers = bm25_vectors(["the", "lion"], ["the the", ""])
    assert (asked @ answers.T).toarray().tolist() == [[0, 0], [0, 0]]
