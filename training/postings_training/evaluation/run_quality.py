"""How good a run is that another system, or an earlier search, left in a file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from postings.errors import InvalidInput
from postings_training.data.judgements import BeirSet
from postings_training.evaluation.measuring import Measured
from postings_training.evaluation.quality import Quality, Run, evaluate_each


def measure_run(name: str, run: Run, data: BeirSet) -> Measured:
    """Measure a run as trec_eval does: documents with equal scores rank by id, descending, and scores are float32.

    Every judged query counts, also if the run lacks it (``trec_eval -c``).

    Args:
        name: of what found it.
        run: scores of documents by query, see :func:`postings_training.data.read_run`.
        data: the judged queries.

    Raises:
        InvalidInput: the run has none of the judged queries.

    Example:
        >>> from postings_training.data import JudgedQueries
        >>> cats = BeirSet("cats", {}, JudgedQueries({"q": "fast cat"}, {"q": {"cheetah": 1}}))
        >>> measure_run("bm25", {"q": {"lion": 2.5, "cheetah": 1.5}}, cats).quality.mrr_at_10
        0.5
    """
    judgements = data.judged.judgements
    if judgements.keys().isdisjoint(run):
        raise InvalidInput(f"{name} has none of the {len(judgements):,} judged queries of {data.name}")
    each = evaluate_each({query_id: _ranks(run[query_id]) for query_id in run if query_id in judgements}, judgements)
    return Measured(
        system=name,
        data=data.name,
        documents=len(data.corpus) or None,
        quality=Quality.mean(each.values()),
        each=each,
        sparsity=None,
        costs=None,
        pruning=None,
        run=run,
    )


def _ranks(scores: Mapping[str, float]) -> dict[str, float]:
    order = sorted(scores, key=lambda document_id: (np.float32(scores[document_id]), document_id), reverse=True)
    return {document_id: -float(rank) for rank, document_id in enumerate(order)}
