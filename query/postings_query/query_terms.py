"""From queries to their vectors, and to their terms."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from postings import Encoder, SparseVector
from postings.errors import InvalidQuery, ModelMismatch
from postings.words import Bm25
from postings_query.terms import Query, Term, WeightedQuery, text_of


def model_vectors(encoder: Encoder, queries: Sequence[Query]) -> list[SparseVector]:
    """The model's vector of each query; all texts are encoded at once, and terms as they are.

    Raises:
        InvalidQuery: a term isn't in the model's vocabulary.
        ModelMismatch: a term has another name in the model's vocabulary.
    """
    encoded = iter(encoder.encode_queries([query for query in queries if isinstance(query, str)]))
    return [next(encoded) if isinstance(query, str) else _vector(encoder, query) for query in queries]


def word_vector(bm25: Bm25, query: Query) -> SparseVector:
    """The words' vector of a query."""
    return bm25.encode_query(query) if isinstance(query, str) else query.vector(exact_words=True)


def word_names(bm25: Bm25, query: Query, indices: Collection[int]) -> dict[int, str]:
    """Words by their indices, each as the query's text first has it, or else as its term is called.

    Example:
        >>> from postings.words import WordsConfig
        >>> word_names(Bm25(WordsConfig()), "Which LIONS hunt?", [1457025799, 5])
        {1457025799: 'LIONS', 5: '[5]'}
    """
    text = text_of(query)
    given = {} if isinstance(query, str) else {each.index: each.token for each in query.terms if each.exact_word}
    found = bm25.spans(text, indices)
    return {each: text[slice(*found[each][0])] if each in found else given.get(each) or f"[{each}]" for each in indices}


def terms_of(encoder: Encoder, bm25: Bm25 | None, query: Query, vector: SparseVector | None = None) -> list[Term]:
    """The terms of a query, the largest weight first; those of a text are what it is encoded to.

    Args:
        encoder: of the model.
        bm25: of the words; ``None`` if there are none.
        query: the query.
        vector: the model's vector of the query, if it is known.

    Raises:
        InvalidQuery: as :func:`model_vectors`.
        ModelMismatch: as :func:`model_vectors`.
    """
    if vector is None:
        (vector,) = model_vectors(encoder, [query])
    if isinstance(query, WeightedQuery):
        weights = [{each.index: each.weight for each in query.terms if each.exact_word == kind} for kind in _KINDS]
    else:
        words = word_vector(bm25, query) if bm25 else _NOTHING
        weights = [dict(zip(each.indices.tolist(), each.values.tolist(), strict=True)) for each in (vector, words)]
    of_model, of_words = weights
    names = dict(zip(of_model, encoder.tokens(list(of_model)), strict=True))
    named = word_names(bm25, query, of_words) if bm25 else {each: f"[{each}]" for each in of_words}
    terms = [Term(names[index], index, weight) for index, weight in of_model.items()]
    terms += [Term(named[index], index, weight, exact_word=True) for index, weight in of_words.items()]
    return sorted(terms, key=lambda each: (-each.weight, each.exact_word, each.index))


_KINDS = (False, True)
_NOTHING = SparseVector([], [])


def _vector(encoder: Encoder, query: WeightedQuery) -> SparseVector:
    terms = [each for each in query.terms if not each.exact_word]
    for each in terms:
        if each.index >= encoder.dims:
            raise InvalidQuery(f"the index of a term must be below {encoder.dims:,} for this model, got {each.index:,}")
    if not encoder.has_latents:
        named = [each for each in terms if each.token]
        for each, name in zip(named, encoder.tokens([each.index for each in named]), strict=True):
            if each.token != name:
                raise ModelMismatch(
                    f"in the vocabulary of {encoder.name!r}, term {each.index} is {name!r}, not {each.token!r:.100}: "
                    "the terms are another model's"
                )
    return query.vector(exact_words=False)
