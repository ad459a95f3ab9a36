"""Exact words in a search: the query's words, and their parts of a hit's score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from postings import SparseVector
from postings.batching import batched
from postings.documents import Span
from postings.index import Filter, ScoredPoint, SearchRequest
from postings.index.protocol import Fusion, WordQuery
from postings.words import WORDS, Bm25, word_input
from postings_query import index_calls
from postings_query.hits import Contribution, Hit, in_text_and_title
from postings_query.index_calls import IndexCalls
from postings_query.query_terms import word_vector
from postings_query.terms import Query


@dataclass(frozen=True, slots=True)
class WordSearch:
    """How the words of a query are searched.

    Attributes:
        bm25: reads words as the collection does.
        weight: of the words' score; with RRF and DBSF it has no effect.
        fusion: see :data:`postings.index.protocol.Fusion`.
    """

    bm25: Bm25
    weight: float
    fusion: Fusion

    def query(self, query: Query) -> WordQuery | None:
        """The words of a query; ``None`` if a sum needs none, because it has none, or all of them are stop words."""
        vector = word_vector(self.bm25, query)
        if self.fusion != "sum":
            return WordQuery(vector, 1.0, self.fusion)
        return WordQuery(vector, self.weight) if len(vector) else None

    def contributions(
        self,
        words: Sequence[WordQuery | None],
        names: Sequence[Mapping[int, str]],
        answers: Sequence[Sequence[ScoredPoint]],
        *,
        consistent: bool,
    ) -> IndexCalls[list[list[tuple[Contribution, ...]]]]:
        """For each hit of each query, the words that it shares with the query.

        A word's inverse document frequency is that of the hit's shard, which only the engine knows. So each word is
        searched by itself among the hits; 64 of these searches are one call.

        Args:
            words: the words of the queries.
            names: their names, by their indices.
            answers: the hits of each query, with their words' vectors.
            consistent: see :meth:`postings.Index.search`.
        """
        stored = [[_weights(point) for point in points] for points in answers]
        requests, places = [], []
        for at, (query, points) in enumerate(zip(words, answers, strict=True)):
            among: Filter = {"must": [{"has_id": [point.id for point in points]}]}
            there = set().union(*(weights.keys() for weights in stored[at]))
            for index, word in _one_by_one(query.vector) if query else ():
                if index in there:
                    requests.append(SearchRequest(word, WORDS, limit=len(points), filter=among, fields=()))
                    places.append((at, index))
        scores: list[dict[str, list[tuple[int, float]]]] = [{} for _ in answers]
        for some in batched(zip(places, requests, strict=True), _SEARCHES):
            found = yield index_calls.search([request for _, request in some], consistent=consistent)
            for ((at, index), _), points in zip(some, found, strict=True):
                for point in points:
                    scores[at].setdefault(point.id, []).append((index, point.score))
        return [
            [
                self._explained(names[at], query, point, weights, scores[at].get(point.id, ()))
                for point, weights in zip(points, stored[at], strict=True)
            ]
            for at, (query, points) in enumerate(zip(words, answers, strict=True))
        ]

    def _explained(
        self,
        names: Mapping[int, str],
        query: WordQuery | None,
        point: ScoredPoint,
        weights: Mapping[int, float],
        scores: Sequence[tuple[int, float]],
    ) -> tuple[Contribution, ...]:
        if query is None or not scores:
            return ()
        title = point.payload["title"]
        text_start = len(word_input(title, ""))
        spans = self.bm25.spans(word_input(title, point.payload["text"]), [index for index, _ in scores])
        return tuple(
            _contribution(names[index], index, query.weight * score, weights[index], spans.get(index, []), text_start)
            for index, score in scores
            if index in weights  # otherwise the passage changed after it was found
        )


def adds_up(hit: Hit) -> bool:
    """Whether a hit's contributions add up to its score, within the error of an index that rounds its weights."""
    return math.isclose(math.fsum(each.contribution for each in hit.contributions), hit.score, rel_tol=0.01)


_NONE = SparseVector([], [])
_SEARCHES = 64


def _one_by_one(words: SparseVector) -> Iterator[tuple[int, SparseVector]]:
    """Each word's index, and a vector of this word alone."""
    for at, index in enumerate(words.indices.tolist()):
        here = slice(at, at + 1)
        yield index, SparseVector.unchecked(words.indices[here], words.values[here])


def _weights(point: ScoredPoint) -> dict[int, float]:
    """The weights of a passage's words, by their indices."""
    words = point.vectors.get(WORDS, _NONE)
    return dict(zip(words.indices.tolist(), words.values.tolist(), strict=True))


def _contribution(
    name: str, index: int, contribution: float, document_weight: float, spans: list[Span], text_start: int
) -> Contribution:
    evidence = in_text_and_title(spans, text_start)
    return Contribution(
        name, index, contribution / document_weight, document_weight, contribution, *evidence, exact_word=True
    )
