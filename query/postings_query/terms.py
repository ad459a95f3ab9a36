"""A query with terms of one's own, such as those that a text is encoded to, with some of the weights changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from postings import SparseVector
from postings.arguments import as_integer, as_list, as_number, check_unicode
from postings.errors import InvalidQuery
from postings.vectors import MAX_INDEX

MAX_TERM_WEIGHT = 1_000_000
"""The largest weight of a term: sums of larger ones may exceed what a score can be."""


@dataclass(frozen=True, slots=True)
class Term:
    """An entry of a query's vector.

    Attributes:
        token: its name, as :meth:`postings_query.SearchClient.terms` gives it: a vocabulary entry, the name of a CSR
            latent, or the query's word. It may be empty.
        index: its index in the vocabulary, or the hash of the word's stem.
        weight: its weight in the query's vector; of an exact word as it is encoded, 1.0, which the engine multiplies by
            the word's inverse document frequency. 0 leaves the term out.
        exact_word: whether this is a word of the query, rather than an entry of the model.

    Raises:
        InvalidQuery: a value is of the wrong type or out of range.
    """

    token: str
    index: int
    weight: float
    exact_word: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.token, str):
            raise InvalidQuery(f"the token of a term must be a string, got {type(self.token).__name__}")
        check_unicode("the token of a term", self.token, InvalidQuery)
        if not isinstance(self.exact_word, bool):
            raise InvalidQuery(f"exact_word must be true or false, got {self.exact_word!r:.100}")
        index = as_integer("the index of a term", self.index, InvalidQuery)
        if not 0 <= index <= MAX_INDEX:
            raise InvalidQuery(f"the index of a term must be in 0..{MAX_INDEX}, got {index}")
        weight = as_number("the weight of a term", self.weight, InvalidQuery)
        if not 0 <= weight <= MAX_TERM_WEIGHT:
            raise InvalidQuery(f"the weight of a term must be from 0 to {MAX_TERM_WEIGHT:,}, got {weight}")
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "weight", weight)

    def to_json(self) -> dict[str, Any]:
        """The term as a JSON object."""
        return {"token": self.token, "index": self.index, "weight": self.weight, "exact_word": self.exact_word}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The term of :meth:`to_json`."""
        return cls(fields["token"], fields["index"], fields["weight"], fields["exact_word"])


@dataclass(frozen=True, slots=True)
class WeightedQuery:
    """A query that is searched by these terms, in place of what its text is encoded to.

    Args:
        text: what the hits are reranked by, and exact words are named by.
        terms: of the model, and exact words; each index once.

    Raises:
        InvalidQuery: the text is empty, or a value isn't a term, or an index comes twice.

    Example:
        >>> client = SearchClient(index=index, encoder=encoder)
        >>> terms = client.terms("chasing prey")
        >>> client.search(WeightedQuery("chasing prey", terms)) == client.search("chasing prey")
        True
        >>> client.search(WeightedQuery("chasing prey", [each for each in terms if each.exact_word]))[0].id
        '9'
    """

    text: str
    terms: Sequence[Term] = field(hash=False)

    def __post_init__(self) -> None:
        check_text(self.text)
        terms = as_list("terms", self.terms, Term, InvalidQuery)
        seen = set[tuple[bool, int]]()
        for each in terms:
            if (known := (each.exact_word, each.index)) in seen:
                kind = "exact word" if each.exact_word else "term of the model"
                raise InvalidQuery(f"each {kind} may come once, got index {each.index} twice")
            seen.add(known)
        object.__setattr__(self, "terms", tuple(terms))

    def vector(self, *, exact_words: bool) -> SparseVector:
        """The vector of the model's terms, or that of the exact words."""
        chosen = sorted((each.index, each.weight) for each in self.terms if each.exact_word == exact_words)
        indices, values = (np.array([each[part] for each in chosen], kind) for part, kind in ((0, "i4"), (1, "f4")))
        return SparseVector(indices[values != 0], values[values != 0])

    def to_json(self) -> dict[str, Any]:
        """The query as a JSON object, as the HTTP API takes it."""
        return {"text": self.text, "terms": [each.to_json() for each in self.terms]}


Query = str | WeightedQuery
"""What may be searched for."""


def text_of(query: Query) -> str:
    """The text of a query."""
    return query if isinstance(query, str) else query.text


def check_query(query: object) -> None:
    """Raise :class:`InvalidQuery` unless this is a query."""
    if not isinstance(query, WeightedQuery):
        check_text(query)


def check_text(text: object) -> None:
    """Raise :class:`InvalidQuery` unless ``text`` is a valid, non-empty string."""
    if not isinstance(text, str):
        raise InvalidQuery(f"a query must be a string, got {type(text).__name__}")
    if not text.strip():
        raise InvalidQuery("the query is empty")
    check_unicode("the query", text, InvalidQuery)
