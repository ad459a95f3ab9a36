"""Quality of a ranking: nDCG, MRR, MAP and recall of a run, by ir-measures (https://ir-measur.es)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Self, TypeAlias

from postings.errors import InvalidInput, MissingExtra
from postings_training.data.judgements import HIGHEST_GRADE, Judgements

Run: TypeAlias = Mapping[str, Mapping[str, float]]
"""Scores of the documents found for each query: ``{query id: {document id: score}}``."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over the judged queries, each from 0 to 1; higher is better.

    Attributes:
        ndcg_at_10: normalized discounted cumulative gain of the first 10, a document's gain being its grade.
        mrr_at_10: the reciprocal rank of the first relevant document, 0 if it isn't among the first 10.
        recall_at_100: the part of the relevant documents that is among the first 100.
        map_at_100: the mean of the precisions at the ranks of the relevant documents, 0 for those after the 100th.
        queries: number of queries.
    """

    ndcg_at_10: float
    mrr_at_10: float
    recall_at_100: float
    map_at_100: float
    queries: int

    @classmethod
    def mean(cls, qualities: Iterable[Self]) -> Self:
        """Average over at least one query."""
        qualities = list(qualities)
        return cls(
            ndcg_at_10=fmean(quality.ndcg_at_10 for quality in qualities),
            mrr_at_10=fmean(quality.mrr_at_10 for quality in qualities),
            recall_at_100=fmean(quality.recall_at_100 for quality in qualities),
            map_at_100=fmean(quality.map_at_100 for quality in qualities),
            queries=sum(quality.queries for quality in qualities),
        )


def evaluate(run: Run, judgements: Judgements) -> Quality:
    """Measure a run with ir-measures.

    Every judged query counts; if the run lacks one, nothing was found for it. Queries without judgements are left out.
    In all measures, documents with equal scores rank by id, ascending.

    Args:
        run: at least 100 documents for each query if there are as many, or recall and MAP are too low.
        judgements: documents that aren't judged count as irrelevant.

    Raises:
        InvalidInput: a score is NaN or infinite, a grade is too high, or there are no judgements.
        MissingExtra: ir-measures isn't installed.

    Example:
        >>> evaluate({"q": {"a": 2.0, "b": 1.0}}, {"q": {"b": 1}}).mrr_at_10
        0.5
    """
    return Quality.mean(evaluate_each(run, judgements).values())


def evaluate_each(run: Run, judgements: Judgements) -> dict[str, Quality]:
    """Measure each judged query by itself, in the order of the judgements; see :func:`evaluate`.

    Example:
        >>> evaluate_each({"q": {"a": 1.0}}, {"q": {"a": 1}, "r": {"a": 1}})["r"].ndcg_at_10
        0.0
    """
    try:
        from ir_measures import AP, RR, R, iter_calc, nDCG
    except ImportError as error:
        raise MissingExtra("training", "measuring a run") from error
    if not judgements:
        raise InvalidInput("there are no judgements to measure a run by")
    ranked = {query_id: _ranked(query_id, scores) for query_id, scores in run.items() if query_id in judgements}
    grades = {query_id: _graded(query_id, graded) for query_id, graded in judgements.items()}
    measures = {"ndcg_at_10": nDCG @ 10, "mrr_at_10": RR @ 10, "recall_at_100": R @ 100, "map_at_100": AP @ 100}
    values = {
        (figure.query_id, figure.measure): float(figure.value)
        for figure in iter_calc(measures.values(), grades, ranked)
    }
    return {
        query_id: Quality(**{name: values[query_id, measure] for name, measure in measures.items()}, queries=1)
        for query_id in judgements
    }


def _graded(query_id: str, grades: Mapping[str, int]) -> dict[str, int]:
    # pytrec_eval counts documents by grade: it writes outside of its memory for -2, and takes gigabytes for 10**9.
    for document_id, grade in grades.items():
        if grade > HIGHEST_GRADE:
            raise InvalidInput(
                f"document {document_id!r} has the grade {grade:,} for query {query_id!r}: expected {HIGHEST_GRADE:,} "
                "at most"
            )
    return {document_id: max(grade, 0) for document_id, grade in grades.items()}


def _ranked(query_id: str, scores: Mapping[str, float]) -> dict[str, float]:
    # The tools behind ir-measures break ties in different ways and compare in float32, so they get ranks as scores.
    for document_id, score in scores.items():
        if not math.isfinite(score):
            raise InvalidInput(f"document {document_id!r} has the score {score} for query {query_id!r}")
    order = sorted(scores, key=lambda document_id: (-scores[document_id], document_id))
    return {document_id: -float(rank) for rank, document_id in enumerate(order)}
