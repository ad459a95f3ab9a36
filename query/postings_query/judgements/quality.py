"""How good rankings are by judgements: nDCG@10, as trec_eval and ir_measures compute it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

DEPTH = 10
"""Documents of a ranking that count."""


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], depth: int = DEPTH) -> float | None:
    """Normalized discounted cumulative gain of a ranking's first documents: 1 is the best order that there is.

    A document's gain is its grade, divided by the binary logarithm of its rank + 1 (Järvelin and Kekäläinen 2002,
    https://doi.org/10.1145/582415.582418). Documents that aren't judged count as irrelevant.

    Args:
        ranking: ids of documents, the best first.
        grades: of judged documents.
        depth: how many documents count.

    Returns:
        From 0 to 1; ``None`` if no document is relevant.

    Example:
        >>> ndcg(["a", "b"], {"b": 1, "c": 0})
        0.6309297535714575
    """
    best = _gain(sorted(grades.values(), reverse=True)[:depth])
    return _gain([grades.get(id, 0) for id in ranking[:depth]]) / best if best else None


@dataclass(frozen=True, slots=True)
class QueryQuality:
    """How good the ranking for a query is.

    Attributes:
        query: the query.
        ndcg_at_10: see :func:`ndcg`; ``None`` if no document is judged relevant.
        judged: documents that are judged for it.
        relevant: those of them that have a grade above 0.
    """

    query: str
    ndcg_at_10: float | None
    judged: int
    relevant: int


@dataclass(frozen=True, slots=True)
class RankingQuality:
    """How good the rankings for several queries are.

    Attributes:
        ndcg_at_10: the mean over the queries that have a relevant document; ``None`` if there is no such query.
        judged_at_10: which part of the documents that these queries' rankings show is judged: with a small one, there
            may be right answers that nobody has judged. ``None`` if nothing was found.
        by_query: each query's.
    """

    ndcg_at_10: float | None
    judged_at_10: float | None
    by_query: tuple[QueryQuality, ...]

    @classmethod
    def of(cls, rankings: Mapping[str, Sequence[str]], grades: Mapping[str, Mapping[str, int]]) -> RankingQuality:
        """Measure rankings.

        Args:
            rankings: for each query that has a relevant document, the ids of what was found, the best first.
            grades: of documents, by query; also of queries that have none.

        Example:
            >>> RankingQuality.of({"prey": ["a", "b"]}, {"prey": {"a": 1}, "grass": {"a": 0}}).judged_at_10
            0.5
        """
        by_query, values = [], []
        judged = shown = 0
        for query, graded in grades.items():
            # Tenants may have documents with the same id, and whoever sees them all counts the best.
            ranking = list(dict.fromkeys(rankings.get(query, ())))[:DEPTH]
            value = ndcg(ranking, graded)
            by_query.append(QueryQuality(query, value, len(graded), sum(grade > 0 for grade in graded.values())))
            if value is not None:
                values.append(value)
                judged += sum(id in graded for id in ranking)
                shown += len(ranking)
        return cls(fmean(values) if values else None, judged / shown if shown else None, tuple(by_query))

    @property
    def left_out(self) -> int:
        """Queries without a relevant document, which the mean leaves out as trec_eval does."""
        return sum(each.ndcg_at_10 is None for each in self.by_query)


def _gain(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))
