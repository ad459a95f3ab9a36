"""BM25 over the tokens of a model, as vectors: weights for the words that a text itself has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from postings.encoder.toolkit import Tokenizer, Word
from postings_training.data.word_statistics import K1, B, english_stemmer, inverse_document_frequency
from postings_training.teachers.sparse_rows import sparse_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_OTHER_FORMS = 0.5


def exact_words(queries: Sequence[str], documents: Sequence[str], tokenizer: Tokenizer) -> tuple[csr_array, csr_array]:
    """Compute BM25 vectors over the tokens of a model, with the inverse document frequency on both sides.

    Words are counted by their English stem, and represented by its most common form: "lions" by "lion". If the text
    has another form, that form gets half the weight. The weight of a token in a document is its inverse document
    frequency times the saturated count of the stem (k1 1.2, b 0.75): in SPLADE, both documents and queries contain the
    inverse document frequency. The weight of a stem in a query is its inverse document frequency, which its tokens
    share in proportion to theirs; otherwise a rare word of four tokens would count like four words. Robertson and
    Zaragoza 2009, https://doi.org/10.1561/1500000019

    Args:
        queries: may be empty.
        documents: at least one; frequencies and the mean length are computed from them.
        tokenizer: without special tokens.

    Returns:
        The vectors of the queries and of the documents, shape ``(texts, vocabulary)``, in float32.

    Raises:
        MissingExtra: ``PyStemmer`` isn't installed.

    Example:
        >>> from postings.encoder.toolkit import model_folder
        >>> tokenizer = Tokenizer.load(model_folder("tiny"), 510, special_tokens=False)
        >>> queries, documents = exact_words(["fast cats"], ["A cat is fast.", "A dog sleeps."], tokenizer)
        >>> (queries @ documents.T).toarray().tolist()
        [[0.41..., 0.0]]
    """
    of_queries, of_documents = tokenizer.words(queries), tokenizer.words(documents)
    count = len(of_documents)
    commonest = _commonest_forms(of_documents, of_queries, tokenizer)
    frequency = Counter(token for text in of_documents for token in {token for word in text for token in word})
    stem_frequency = Counter(stem for text in of_documents for stem in {commonest[word] for word in text})
    mean = max(sum(map(_length, of_documents)) / count, 1.0)

    @cache
    def inverse_frequency(token: int) -> float:
        return inverse_document_frequency(frequency[token], count)

    def forms(text: Sequence[Word]) -> Iterator[tuple[Word, Word, float]]:
        for word in set(text):
            stem = commonest[word]
            yield stem, word, _OTHER_FORMS
            yield stem, stem, 1.0

    def query_weights(text: Sequence[Word]) -> dict[int, float]:
        weights: dict[int, float] = {}
        for stem, form, share in forms(text):
            total = sum(map(inverse_frequency, set(form)))
            whole = share * inverse_document_frequency(stem_frequency[stem], count)
            _raise(weights, {token: whole * inverse_frequency(token) / total for token in form})
        return weights

    def document_weights(text: Sequence[Word]) -> dict[int, float]:
        weights: dict[int, float] = {}
        spread = K1 * (1 - B + B * _length(text) / mean)
        counts = Counter(commonest[word] for word in text)
        for stem, form, share in forms(text):
            saturated = share * counts[stem] / (counts[stem] + spread)
            _raise(weights, {token: saturated * inverse_frequency(token) for token in form})
        return weights

    found = (
        sparse_rows(map(query_weights, of_queries), tokenizer.size),
        sparse_rows(map(document_weights, of_documents), tokenizer.size),
    )
    for each in found:
        each.sort_indices()
    return found


def _commonest_forms(
    of_documents: Sequence[Sequence[Word]], of_queries: Sequence[Sequence[Word]], tokenizer: Tokenizer
) -> dict[Word, Word]:
    """Map each word to the form of its stem that most documents have."""
    frequency = Counter(word for text in of_documents for word in set(text))
    words = sorted({word for text in (*of_documents, *of_queries) for word in text})
    written = ["".join((tokenizer.token(id) or "").removeprefix("##") for id in word) for word in words]
    stems = english_stemmer().stemWords(written)
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
