"""The results of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from postings.documents import Span


@dataclass(frozen=True, slots=True)
class Contribution:
    """One token's part of a score.

    Attributes:
        token: the vocabulary entry, the name of a CSR latent, or the query's word.
        index: its index in the vocabulary, or the hash of the word's stem.
        query_weight: its weight in the query's vector; of an exact word, the words' weight x the word's inverse
            document frequency.
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
