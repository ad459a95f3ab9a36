"""Quality of vectors that keep only their largest entries.

Static pruning by top k, as in Lassance et al. 2023, https://arxiv.org/abs/2304.12702
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from postings import SparseVector
from postings_training.data.judgements import Judgements
from postings_training.evaluation.exact import ExactSearch
from postings_training.evaluation.quality import evaluate
from postings_training.evaluation.sparsity import Sparsity, top

KEPT = (8, 16, 32, 64, 128, 256)
"""Largest numbers of entries that a vector keeps."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """Quality and sparsity if the vectors of one side keep their ``k`` largest entries."""

    k: int
    ndcg_at_10: float
    sparsity: Sparsity


@dataclass(frozen=True, slots=True)
class PruningCurve:
    """Points for pruned documents with whole queries, and for pruned queries with whole documents."""

    documents: tuple[Pruned, ...]
    queries: tuple[Pruned, ...]


def pruning_curve(
    ids: Sequence[str],
    documents: Sequence[SparseVector],
    queries: dict[str, SparseVector],
    judgements: Judgements,
    progress: Callable[[int], None] | None = None,
) -> PruningCurve:
    """Measure nDCG@10 by exact search at each of ``KEPT``.

    Args:
        ids: the document id of each vector of ``documents``.
        documents: vectors of the corpus.
        queries: vectors by query id.
        judgements: of these queries.
        progress: called with the number of finished points, out of ``2 * len(KEPT)``.
    """

    def point(k: int, search: ExactSearch, stored: Sequence[SparseVector], asked: dict[str, SparseVector]) -> Pruned:
        run = {query_id: search(vector) for query_id, vector in asked.items()}
        if progress:
            progress(next(done))
        return Pruned(k, evaluate(run, judgements).ndcg_at_10, Sparsity.of(stored, list(asked.values())))

    done = iter(range(1, 2 * len(KEPT) + 1))
    by_documents = []
    for k in KEPT:
        stored = [top(vector, k) for vector in documents]
        by_documents.append(point(k, ExactSearch(ids, stored), stored, queries))
    whole = ExactSearch(ids, documents)
    by_queries = [
        point(k, whole, documents, {query_id: top(vector, k) for query_id, vector in queries.items()}) for k in KEPT
    ]
    return PruningCurve(tuple(by_documents), tuple(by_queries))
