"""Judged queries that occur in the training data, exactly or nearly.

A score on queries that were trained on is worthless; documents may be in both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from postings_training.data.judgements import CorpusText, JudgedQueries
from postings_training.data.resemblance import normalized, resemblance, shingles
from postings_training.data.rows import Row

QUERY_ALIKE = 0.7
"""Queries with at least this resemblance count as the same.

``Radioiodine treatment … reduces thyroid volume`` and ``… increases thyroid volume`` have 0.77, ``what is the function
of the liver`` and ``What is the function of the TARDIS?`` 0.65.
"""

PAIR_ALIKE = 0.5
"""The same, if the training row also has a relevant document of the judged query."""

DOCUMENT_ALIKE = 0.7
"""Texts with at least this resemblance count as the same document, even if one lacks the title."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A judged query that occurs in the training data.

    Attributes:
        query_id: its id.
        query: its text.
        row: the number of the training row, from 1.
        text: the row's text that resembles the query.
        resemblance: of this text and the query; 1.0 if they differ in case and punctuation only.
        pair: whether the row's other text is a relevant document of the query.
    """

    query_id: str
    query: str
    row: int
    text: str
    resemblance: float
    pair: bool


class LeakFinder:
    """Finds judged queries that a training row has as its query or its positive, exactly or nearly.

    Args:
        judged: the queries of an evaluation.
        corpus: their documents. With them, a lower resemblance to the query is a leak too, if the row's other text is
            a relevant document.

    Example:
        >>> finder = LeakFinder(JudgedQueries({"1": "How are glacier caves formed?"}, {"1": {"d": 1}}))
        >>> [leak.resemblance for leak in finder.find(Row("how are glacier caves formed", "By water."))]
        [1.0]
    """

    def __init__(self, judged: JudgedQueries, corpus: Mapping[str, CorpusText] | None = None) -> None:
        self._texts = judged.queries
        self._queries = _Queries(judged)
        self._documents = _Documents(judged, corpus or {})

    def find(self, row: Row, number: int = 1) -> Iterator[Leak]:
        """Find the leaks of a row with this number."""
        for text, other in ((row.query, row.positive), (row.positive, row.query)):
            for query_id, alike in self._queries.like(text):
                pair = self._documents.answers(query_id, other)
                if pair or alike >= QUERY_ALIKE:
                    yield Leak(query_id, self._texts[query_id], number, text, alike, pair)

    def worst(self, rows: Iterable[tuple[int, Row]]) -> dict[str, Leak]:
        """Find the leak with the highest resemblance for each query that has one, in the order of the queries.

        Memory doesn't grow with the number of rows.

        Args:
            rows: with their numbers; iterated once.
        """
        found: dict[str, Leak] = {}
        for number, row in rows:
            for leak in self.find(row, number):
                before = found.get(leak.query_id)
                if before is None or (leak.resemblance, leak.pair) > (before.resemblance, before.pair):
                    found[leak.query_id] = leak
        return {query_id: found[query_id] for query_id in self._texts if query_id in found}


class _Queries:
    """The judged queries by their shingles."""

    def __init__(self, judged: JudgedQueries) -> None:
        self._ids = list(judged.queries)
        sets = [shingles(text) for text in judged.queries.values()]
        holders: dict[str, list[int]] = defaultdict(list)
        for at, each in enumerate(sets):
            for shingle in each:
                holders[shingle].append(at)
        self._holders = {shingle: np.array(numbers, dtype=np.int64) for shingle, numbers in holders.items()}
        self._sizes = np.array([len(each) for each in sets])
        # A text that is much longer than every query resembles none; blanks and punctuation make none longer.
        self._longest = 4 * max((len(normalized(text)) for text in judged.queries.values()), default=0)

    def like(self, text: str) -> list[tuple[str, float]]:
        """The ids of the queries with a resemblance of at least ``PAIR_ALIKE``, and their resemblance."""
        if len(normalized(text)) > self._longest:
            return []
        mine = shingles(text)
        if len(mine) * PAIR_ALIKE > self._sizes.max(initial=0):
            return []
        lists: list[npt.NDArray[np.int64]] = [self._holders[shingle] for shingle in mine if shingle in self._holders]
        if not lists:
            return []
        shared = np.bincount(np.concatenate(lists), minlength=len(self._ids))
        alike = shared / (len(mine) + self._sizes - shared)
        return [(self._ids[at], float(alike[at])) for at in np.flatnonzero(alike >= PAIR_ALIKE)]


class _Documents:
    """The relevant documents of the judged queries; their shingles are computed when first needed."""

    def __init__(self, judged: JudgedQueries, corpus: Mapping[str, CorpusText]) -> None:
        self._judgements = judged.judgements
        self._corpus = corpus
        self._made: dict[str, frozenset[str]] = {}

    def answers(self, query_id: str, text: str) -> bool:
        """Whether a text is one of a query's relevant documents."""
        relevant = [
            document_id
            for document_id, grade in self._judgements[query_id].items()
            if grade > 0 and document_id in self._corpus
        ]
        if not relevant:
            return False
        mine = shingles(text)
        return any(resemblance(mine, self._shingles(document_id)) >= DOCUMENT_ALIKE for document_id in relevant)

    def _shingles(self, document_id: str) -> frozenset[str]:
        if document_id not in self._made:
            self._made[document_id] = shingles(self._corpus[document_id].whole)
        return self._made[document_id]
