"""Exact words in a search: the query's words, and their parts of a hit's score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from postings import SparseVector
from postings.batching import batched
from postings.documents import Span
from postings.index import Filter, ScoredPoint, SearchRequest
from postings.index.protocol import Fusion, WordQuery
from postings.words import WORDS, Bm25, word_input
from postings_query import index_calls
from postings_query.hits import Contribution, Hit
from postings_query.index_calls import IndexCalls
from postings_query.query_terms import word_names, word_vector
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
        queries: Sequence[Query],
        words: Sequence[WordQuery | None],
        answers: Sequence[Sequence[ScoredPoint]],
        *,
        consistent: bool,
    ) -> IndexCalls[list[list[tuple[Contribution, ...]]]]:
        """For each hit of each query, the words that it shares with the query, the largest contribution first.

        A word's inverse document frequency is that of the hit's shard, which only the engine knows. So each word is
        searched by itself among the hits; 64 of these searches are one call.

        Args:
            queries: the queries.
            words: their words.
            answers: the hits of each query, with their words' vectors.
            consistent: see :meth:`postings.Index.search`.
        """
        requests, places = [], []
        for at, (query, points) in enumerate(zip(words, answers, strict=True)):
            among: Filter = {"must": [{"has_id": [point.id for point in points]}]}
            there = {index for point in points for index in point.vectors.get(WORDS, _NONE).indices.tolist()}
            for index, weight in zip(*_lists(query.vector), strict=True) if query else ():
                if index in there:
                    requests.append(_alone(index, weight, among, len(points)))
                    places.append((at, index))
        scores: list[dict[str, list[tuple[int, float]]]] = [{} for _ in answers]
        for some in batched(zip(places, requests, strict=True), _SEARCHES):
            found = yield index_calls.search([request for _, request in some], consistent=consistent)
            for ((at, index), _), points in zip(some, found, strict=True):
                for point in points:
                    scores[at].setdefault(point.id, []).append((index, point.score))
        names = [
            word_names(self.bm25, query, asked.vector.indices.tolist()) if asked else {}
            for query, asked in zip(queries, words, strict=True)
        ]
        return [
            [self._explained(names[at], query, point, scores[at].get(point.id, ())) for point in points]
            for at, (query, points) in enumerate(zip(words, answers, strict=True))
        ]

    def _explained(
        self, names: Mapping[int, str], query: WordQuery | None, point: ScoredPoint, scores: Sequence[tuple[int, float]]
    ) -> tuple[Contribution, ...]:
        if query is None or not scores:
            return ()
        indices = [index for index, _ in scores]
        title = point.payload["title"]
        text_start = len(word_input(title, ""))
        spans = self.bm25.spans(word_input(title, point.payload["text"]), indices)
        weights = dict(zip(*_lists(point.vectors[WORDS]), strict=True))
        return tuple(
            sorted(
                (
                    _contribution(names[index], index, query.weight * score, weights[index], spans, text_start)
                    for index, score in scores
                ),
                key=lambda each: -each.contribution,
            )
        )


def with_parts(hit: Hit, more: Sequence[Contribution]) -> Hit:
    """The hit with more contributions, the largest first."""
    if not more:
        return hit
    return replace(hit, contributions=tuple(sorted((*hit.contributions, *more), key=lambda each: -each.contribution)))


def adds_up(hit: Hit) -> bool:
    """Whether a hit's contributions add up to its score, within the error of an index that rounds its weights."""
    return math.isclose(math.fsum(each.contribution for each in hit.contributions), hit.score, rel_tol=0.01)


_NONE = SparseVector([], [])
_SEARCHES = 64


def _alone(index: int, weight: float, among: Filter, points: int) -> SearchRequest:
    """A search for one word among some points."""
    return SearchRequest(SparseVector([index], [weight]), WORDS, limit=points, filter=among, fields=())


def _contribution(
    name: str,
    index: int,
    contribution: float,
    document_weight: float,
    spans: dict[int, list[Span]],
    text_start: int,
) -> Contribution:
    evidence = spans.get(index, [])
    return Contribution(
        token=name,
        index=index,
        query_weight=contribution / document_weight,
        document_weight=document_weight,
        contribution=contribution,
        evidence=tuple((start - text_start, end - text_start) for start, end in evidence if start >= text_start),
        title_evidence=tuple((start, end) for start, end in evidence if start < text_start),
        exact_word=True,
    )


def _lists(vector: SparseVector) -> tuple[list[int], list[float]]:
    return vector.indices.tolist(), vector.values.tolist()
