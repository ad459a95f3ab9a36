"""The results of a search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from postings.documents import Span
from postings_query.terms import Term


@dataclass(frozen=True, slots=True)
class Contribution:
    """One token's part of a score.

    Attributes:
        token: the vocabulary entry, the name of a CSR latent, or the query's word.
        index: its index in the vocabulary, or the hash of the word's stem.
        query_weight: its weight in the query's vector; of an exact word, the words' weight x its weight in the query x
            the word's inverse document frequency.
        document_weight: its weight in the passage's vector, as stored in the index.
        contribution: the product of both weights; the contributions of a hit add up to its score.
        evidence: the characters of ``hit.text`` that activated the token, as ``(start, end)``. Empty, like
            ``title_evidence``, if a special token activated it.
        title_evidence: the characters of ``hit.title`` that activated the token, as ``(start, end)``.
        exact_word: whether this is a word of the query that the passage has, rather than an entry of the model.
    """

    token: str
    index: int
    query_weight: float
    document_weight: float
    contribution: float
    evidence: tuple[Span, ...] = ()
    title_evidence: tuple[Span, ...] = ()
    exact_word: bool = False

    def to_json(self) -> dict[str, Any]:
        """The contribution as a JSON object."""
        return {
            "token": self.token,
            "index": self.index,
            "exact_word": self.exact_word,
            "query_weight": self.query_weight,
            "document_weight": self.document_weight,
            "contribution": self.contribution,
            "evidence": self.evidence,
            "title_evidence": self.title_evidence,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The contribution of one entry of ``contributions`` in :meth:`Hit.to_json`."""
        spans = {name: tuple((start, end) for start, end in fields[name]) for name in ("evidence", "title_evidence")}
        return cls(**{**_known(cls, fields), **spans})


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found.

    Attributes:
        id: the document's id.
        score: the engine's score: the dot product of query and passage, plus weight x the score of exact words.
        title: the document's title.
        text: the passage's text, ``document.text[start:end]``.
        metadata: the document's metadata.
        version: the document's version.
        ordinal: the passage's number in the document, from 0.
        start, end: character offsets of the passage in the document's text.
        contributions: with ``explain``, the tokens and words that query and passage share, the largest contribution
            first.
        rerank_score: with ``rerank``, the cross-encoder's score; hits are in its order. ``None`` if it didn't read it.
        search_rank: with ``rerank``, the rank that ``score`` gave the hit, from 1.
    """

    id: str
    score: float
    title: str
    text: str
    metadata: Mapping[str, Any] = field(hash=False)
    version: int
    ordinal: int
    start: int
    end: int
    contributions: tuple[Contribution, ...] = ()
    rerank_score: float | None = None
    search_rank: int | None = None

    def to_json(self, *, explain: bool = True) -> dict[str, Any]:
        """The hit as a JSON object, as ``postings search --json`` and the HTTP API give it.

        Args:
            explain: whether to add the contributions.

        Example:
            >>> Hit("1", 2.5, "", "A man is eating food.", {}, 1, 0, 0, 21).to_json(explain=False)["score"]
            2.5
        """
        fields: dict[str, Any] = {
            "id": self.id,
            "score": self.score,
            "title": self.title,
            "text": self.text,
            "metadata": dict(self.metadata),
            "version": self.version,
            "ordinal": self.ordinal,
            "start": self.start,
            "end": self.end,
        }
        if self.search_rank is not None:
            fields |= {"rerank_score": self.rerank_score, "search_rank": self.search_rank}
        if explain:
            fields["contributions"] = [part.to_json() for part in self.contributions]
        return fields

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The hit of :meth:`to_json`."""
        parts = tuple(map(Contribution.from_json, fields.get("contributions", ())))
        return cls(**{**_known(cls, fields), "contributions": parts})


class Hits(list[Hit]):
    """The hits of a query, best first.

    Attributes:
        model: the name of the model that was searched.
        terms: with ``explain``, what was searched for, see :meth:`postings_query.SearchClient.terms`.

    Example:
        >>> hits = SearchClient(index=index, encoder=encoder).search("chasing prey", explain=True)
        >>> hits.model, hits.terms[0].token
        ('tiny', 'prey')
    """

    def __init__(self, hits: Iterable[Hit] = (), model: str = "", terms: Iterable[Term] = ()) -> None:
        super().__init__(hits)
        self.model = model
        self.terms = tuple(terms)


def in_text_and_title(spans: list[Span], text_start: int) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """The spans in a passage's text, and those in its title, which the text follows at ``text_start``."""
    if len(spans) == 1:  # as most have, of hundreds in a search: this takes a third of the time
        ((start, end),) = spans
        return (((start - text_start, end - text_start),), ()) if start >= text_start else ((), ((start, end),))
    in_text = [(start - text_start, end - text_start) for start, end in spans if start >= text_start]
    return tuple(in_text), tuple([span for span in spans if span[0] < text_start])


def _known(kind: type[Contribution | Hit], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that this version knows: a newer service may send more."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in given.items() if name in names}
