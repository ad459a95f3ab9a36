"""The same list of hits on every engine: the best score first, equal scores in the order of their ids.

An engine cuts its answer after ``limit`` points. If the cut is among equal scores, it may keep any of them, so its
pages can overlap. Therefore the engine is asked for the page and one more point at either end:

* If both cuts are between different scores, the page is complete.
* If a cut is among equal scores, the page may have the wrong ones of them. Then all points from the top are asked for,
  with id, score and version only, and more and more of them until a lower score appears. Their payload is read
  afterwards. If one of them was written in between, all are searched again, with their payload. So a page never shows a
  text other than the one that was scored, or one that the filter excludes, and no hit is missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from postings.arguments import as_list
from postings.batching import once_each
from postings.errors import InvalidQuery
from postings.index.fields import checked_filter
from postings.index.protocol import Filter, Point, ScoredPoint, SearchRequest, WordQuery
from postings.vectors import SparseVector
from postings.words.config import WORDS

_GROWTH = 4
_CANDIDATES = (200, 500, 1000, 2500, 5000, 10_000)
_VERSION = "version"


@dataclass(frozen=True, slots=True)
class EngineQuery:
    """A query for an engine: ``limit`` points after the best ``offset``; it may return any of equal scores."""

    vector: SparseVector
    using: str
    limit: int
    offset: int = 0
    filter: Filter | None = None
    score_threshold: float | None = None
    fields: Sequence[str] | None = None
    """Payload fields to read; ``None`` for all."""
    vectors: Sequence[str] = ()
    """Names of the vectors to read."""
    words: WordQuery | None = None
    corpus: Filter | None = None
    candidates: int = 0
    """With ``words``: how many of the best points of either side are scored."""
    scored: int = 0
    """With ``words``: how many points are scored at most; fewer than those of both sides where a server limits it."""


def candidates(end: int) -> int:
    """How many of the best points of model and of words are candidates, for a page that ends at ``end``.

    The number grows in large steps, so that most pages of a search have the same candidates, and don't overlap.

    Example:
        >>> candidates(100), candidates(250), candidates(1000)
        (200, 500, 2500)
    """
    return next((number for number in _CANDIDATES if number >= 2 * end), 2 * end)


class Ranking:
    """Makes the queries for an engine, and the pages from its answers; the caller sends the queries.

    Raises:
        InvalidQuery: a request isn't a :class:`SearchRequest`.
        InvalidFilter: a filter can't be used.

    Example:
        >>> request = SearchRequest(SparseVector([2293], [1.0]), encoder.fingerprint, limit=2)
        >>> ranking = Ranking([request])
        >>> while queries := ranking.queries():
        ...     ranking.answer(index.nearest(queries))
        ...     if ids := ranking.unread():
        ...         ranking.complete(index.retrieve(ids, vectors=ranking.vectors))
        >>> ranking.pages() == index.search_batch([request])
        True
    """

    def __init__(self, requests: Iterable[SearchRequest]) -> None:
        checked = once_each(checked_filter)  # a filter may be an iterable that can be read only once
        self._searches = [
            _Search(each if each.filter is None else replace(each, filter=checked(each.filter)))
            for each in as_list("requests", requests, SearchRequest, InvalidQuery)
        ]

    def queries(self) -> list[EngineQuery]:
        """The next queries: one for each search without a page."""
        return [search.query() for search in self._searches if search.page is None]

    def answer(self, answers: Iterable[Sequence[ScoredPoint]]) -> None:
        """Take the engine's answers to the last queries, in their order."""
        asked = [search for search in self._searches if search.page is None]
        for search, points in zip(asked, answers, strict=True):
            search.answer(points)

    def request_pages_only(self) -> bool:
        """Ask for the page only from now on; return ``False`` if no query becomes smaller.

        This is for an engine that refuses larger queries. It then decides which of equal scores are on a page.
        """
        larger = [search for search in self._searches if search.page is None and not search.page_only]
        for search in larger:
            search.request_page_only()
        return bool(larger)

    def unread(self) -> list[str]:
        """The ids of hits without payload, once all hits are known."""
        if self.queries():
            return []
        return list(dict.fromkeys(hit.id for search in self._searches if search.bare for hit in search.page or ()))

    @property
    def vectors(self) -> list[str]:
        """The names of the vectors to read with these hits."""
        wanted = [search.wanted for search in self._searches if search.wanted.with_vector]
        return list(dict.fromkeys(name for each in wanted for name in each.vectors))

    def complete(self, points: Iterable[Point]) -> None:
        """Take the points read by id; a search is repeated if one of its hits was written in the meantime."""
        # A document's tombstone has the id of its first passage.
        found = {point.id: point for point in points if "deleted_at" not in point.payload}
        for search in self._searches:
            if search.bare:
                search.complete(found)

    def pages(self) -> list[list[ScoredPoint]]:
        """The hits of each request, in the order of the requests."""
        return [search.page or [] for search in self._searches]


class _Search:
    """A request, and the state of its search.

    Attributes:
        wanted: the request, with a checked filter.
        bare: whether the payload of the hits must be read afterwards.
        page: the hits, once their order is known.
        page_only: whether the engine is asked for the page only.
    """

    def __init__(self, request: SearchRequest) -> None:
        self.wanted = request
        self.bare = False
        self.page: list[ScoredPoint] | None = None
        self._threshold = _as_score(request.score_threshold)
        self._together = False
        self.page_only = False
        self._end = request.offset + request.limit
        self._start = max(request.offset - 1, 0)
        self._most = self._end + 1 - self._start

    def query(self) -> EngineQuery:
        wanted = self.wanted
        return EngineQuery(
            vector=wanted.vector,
            using=wanted.using,
            limit=self._most,
            offset=self._start,
            filter=wanted.filter,
            score_threshold=None if self._threshold is None else _below(self._threshold),
            fields=[_VERSION] if self.bare else wanted.fields,
            vectors=wanted.vectors if wanted.with_vector and not self.bare else (),
            words=wanted.words,
            corpus=wanted.corpus if WORDS in wanted.vectors else None,
            candidates=self._end if self.page_only else candidates(self._end),
            scored=self._end if self.page_only else 2 * candidates(self._end),
        )

    def request_page_only(self) -> None:
        self.page_only, self.bare = True, False
        self._start, self._most = self.wanted.offset, self.wanted.limit

    def answer(self, points: Sequence[ScoredPoint]) -> None:
        # A cluster that moves a shard may return a point twice.
        unique = {point.id: point for point in reversed(points)}
        threshold = self._threshold
        kept = [point for point in unique.values() if threshold is None or point.score >= threshold]
        kept.sort(key=lambda point: (-point.score, point.id))
        first, end = self.wanted.offset - self._start, self._end - self._start
        everything = len(points) < self._most or len(kept) < len(unique)
        below = everything or (len(kept) > end and kept[end - 1].score > kept[-1].score)
        above = not self._start or (
            len(unique) == len(points) and (len(kept) <= first or kept[first - 1].score > kept[first].score)
        )
        if self.page_only or (above and below):
            self.page = kept[first:end]
            return
        self._most = self._end + 1 if below else _GROWTH * max(self._most, self._end + 1)
        self._start, self.bare = 0, not self._together

    def complete(self, found: dict[str, Point]) -> None:
        using = self.wanted.vectors if self.wanted.with_vector else []
        hits = self.page or []
        self.bare = False
        self.page = [
            replace(
                hit,
                payload=point.payload,
                vectors={name: point.vectors[name] for name in using if name in point.vectors},
            )
            for hit in hits
            if (point := found.get(hit.id))
            and point.payload.get(_VERSION) == hit.payload.get(_VERSION)
            and (not using or any(name in point.vectors for name in using))
        ]
        if len(self.page) < len(hits):
            # This time with the payload in the same answer, so that nothing can be written in between.
            self.page, self._together = None, True


def _as_score(threshold: float | None) -> float | None:
    """The threshold in float32, as scores are: 0.7 is a little lower than in Python."""
    if threshold is None:
        return None
    with np.errstate(over="ignore"):
        return float(np.float32(threshold))


def _below(threshold: float) -> float | None:
    """The next lower score: the embedded engine and qdrant-client's memory exclude the threshold itself."""
    with np.errstate(over="ignore"):
        lower = float(np.nextafter(np.float32(threshold), np.float32(-np.inf)))
    return lower if math.isfinite(lower) else None
