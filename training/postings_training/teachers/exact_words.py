"""BM25 over the tokens of a model, as vectors: how much the words that a text itself has say of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from postings.encoder.tokenizer import Tokenizer, Word
from postings.errors import MissingExtra
from postings_training.teachers.sparse_rows import sparse_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Texts = Sequence[Sequence[Word]]

_K1, _B = 1.2, 0.75
_OTHER_FORMS = 0.5


def exact_words(queries: Sequence[str], documents: Sequence[str], tokenizer: Tokenizer) -> tuple[csr_array, csr_array]:
    """BM25 over the tokens of a model, with the inverse document frequency on both sides.

    Words are counted by their English stem, and written as its commonest form: "lions" as "lion". The form that the
    text has, if it is another, weighs half as much. A document's token weighs its inverse document frequency times the
    stem's saturated count (k1 1.2, b 0.75), as documents and queries of SPLADE both know how much a token says. A
    query's stem weighs its own inverse document frequency, shared among its tokens by theirs, or a rare word of four
    tokens would say as much as four words. Robertson and Zaragoza 2009, https://doi.org/10.1561/1500000019

    Args:
        queries: any.
        documents: at least one; frequencies and the mean length are theirs.
        tokenizer: without special tokens.

    Returns:
        The queries' and the documents', shape ``(texts, vocabulary)``, in float32.

    Raises:
        MissingExtra: ``PyStemmer`` isn't installed.

    Example:
        >>> from postings.encoder.sources import model_folder
        >>> tokenizer = Tokenizer.load(model_folder("tiny"), 510, special_tokens=False)
        >>> queries, documents = exact_words(["fast cats"], ["A cat is fast.", "A dog sleeps."], tokenizer)
        >>> (queries @ documents.T).toarray().tolist()
        [[0.41..., 0.0]]
    """
    asked, told = tokenizer.words(queries), tokenizer.words(documents)
    count = len(told)
    commonest = _commonest_forms(told, asked, tokenizer)
    frequency = Counter(token for text in told for token in {token for word in text for token in word})
    stem_frequency = Counter(stem for text in told for stem in {commonest[word] for word in text})
    mean = max(sum(map(_length, told)) / count, 1.0)

    @cache
    def says(token: int) -> float:
        return _says(frequency[token], count)

    def forms(text: Sequence[Word]) -> Iterator[tuple[Word, Word, float]]:
        for word in set(text):
            stem = commonest[word]
            yield stem, word, _OTHER_FORMS
            yield stem, stem, 1.0

    def of_query(text: Sequence[Word]) -> dict[int, float]:
        weights: dict[int, float] = {}
        for stem, form, share in forms(text):
            total = sum(map(says, set(form)))
            whole = share * _says(stem_frequency[stem], count)
            _raise(weights, {token: whole * says(token) / total for token in form})
        return weights

    def of_document(text: Sequence[Word]) -> dict[int, float]:
        weights: dict[int, float] = {}
        spread = _K1 * (1 - _B + _B * _length(text) / mean)
        counts = Counter(commonest[word] for word in text)
        for stem, form, share in forms(text):
            saturated = share * counts[stem] / (counts[stem] + spread)
            _raise(weights, {token: saturated * says(token) for token in form})
        return weights

    found = sparse_rows(map(of_query, asked), tokenizer.size), sparse_rows(map(of_document, told), tokenizer.size)
    for each in found:
        each.sort_indices()
    return found


def _commonest_forms(
    told: Sequence[Sequence[Word]], asked: Sequence[Sequence[Word]], tokenizer: Tokenizer
) -> dict[Word, Word]:
    """For each word, the form of its stem that most documents have."""
    try:
        import Stemmer
    except ImportError as error:
        raise MissingExtra("training", "words by their stem") from error
    frequency = Counter(word for text in told for word in set(text))
    words = sorted({word for text in (*told, *asked) for word in text})
    written = ["".join((tokenizer.token(id) or "").removeprefix("##") for id in word) for word in words]
    stems = Stemmer.Stemmer("english").stemWords(written)
    best: dict[str, Word] = {}
    for word, stem in zip(words, stems, strict=True):
        if stem not in best or frequency[word] > frequency[best[stem]]:
            best[stem] = word
    return {word: best[stem] for word, stem in zip(words, stems, strict=True)}


def _length(text: Sequence[Word]) -> int:
    return sum(map(len, text))


def _raise(weights: dict[int, float], to: Mapping[int, float]) -> None:
    for token, weight in to.items():
        weights[token] = max(weights.get(token, 0.0), weight)


def _says(having: int, of: int) -> float:
    """The inverse document frequency of what so many of so many documents have."""
    return math.log1p((of - having + 0.5) / (having + 0.5))
