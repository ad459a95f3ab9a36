"""Retrieval quality of a model during training: nDCG@10 on small sets, by exact search of Postings' vectors."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean
from typing import TYPE_CHECKING

from sentence_transformers.base.evaluation import BaseEvaluator

from postings import SparseVector
from postings.encoder.toolkit import Task, encode_with, modules_of, sparse_module
from postings_training.data import BeirSet, Judgements, load_set
from postings_training.data.measurable import measurable
from postings_training.data.nano_beir import load_nano_beir
from postings_training.evaluation import ExactSearch, evaluate
from postings_training.evaluation.sparsity import top
from postings_training.models.truncation import truncated_to
from postings_training.recipes.sections import EvaluationSettings

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

log = logging.getLogger(__name__)

_NANO = "nano-"


class RetrievalEvaluator(BaseEvaluator):
    """The evaluator of the trainer: mean nDCG@10 over some sets, and active dims.

    Args:
        sets: to search.
        active_dims: of additional measurements with pruned vectors; whole queries of CSR models aren't pruned.
        tokens: read of a text, also if training reads fewer; default: as many as the model reads.
    """

    def __init__(self, sets: Sequence[BeirSet], active_dims: Sequence[int] = (), tokens: int | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.greater_is_better = True
        self.primary_metric = "ndcg@10"
        self._sets = sets
        self._active_dims = active_dims
        self._tokens = tokens

    def __call__(
        self,
        model: SparseEncoder,  # type: ignore[override]
        output_path: str | None = None,  # noqa: ARG002
        epoch: float = -1,  # noqa: ARG002
        steps: int = -1,  # noqa: ARG002
    ) -> dict[str, float]:
        """Measure the model.

        Returns:
            ``ndcg@10`` (the mean), ``{set}_ndcg@10``, ``{set}_ndcg@10_at_{dims}``, and the mean active dims of queries
            and documents.
        """
        with truncated_to(model, self._tokens):
            return self._measured(model)

    def _measured(self, model: SparseEncoder) -> dict[str, float]:
        found: dict[str, float] = {}
        active: dict[Task, list[float]] = {"query": [], "document": []}
        whole_queries = sparse_module([type(module).__name__ for module in modules_of(model, "query")]) == "Dense"
        for each in self._sets:
            asked = each.judged.queries
            queries = dict(zip(asked, vectors(model, list(asked.values()), "query"), strict=True))
            ids = list(each.corpus)
            documents = vectors(model, [document.whole for document in each.corpus.values()], "document")
            active["query"].append(mean(map(len, queries.values())))
            active["document"].append(mean(map(len, documents)))
            found[f"{each.name}_ndcg@10"] = _ndcg(queries, ids, documents, each.judged.judgements)
            for dims in self._active_dims:
                found[f"{each.name}_ndcg@10_at_{dims}"] = _ndcg(
                    queries if whole_queries else {id: top(vector, dims) for id, vector in queries.items()},
                    ids,
                    [top(vector, dims) for vector in documents],
                    each.judged.judgements,
                )
        whole = mean(found[f"{each.name}_ndcg@10"] for each in self._sets)
        return {"ndcg@10": whole, **found, **{f"{task}_active_dims": mean(values) for task, values in active.items()}}


def load_sets(settings: EvaluationSettings) -> list[BeirSet]:
    """Load the sets that a recipe names, with the first ``queries`` of each that have an answer.

    Raises:
        ReaderError: a BEIR folder can't be read, NanoBEIR can't be loaded, two sets have the same name, or one judges
            no document relevant.
        ConfigurationError: NanoBEIR has no such set.
    """
    sets, remarks = measurable(
        [
            load_nano_beir(name.removeprefix(_NANO)) if name.startswith(_NANO) else load_set(name, settings.split)
            for name in settings.sets
        ]
    )
    for remark in remarks:
        log.warning(remark)
    first = settings.queries
    return [replace(each, judged=each.judged.first(first)) if first else each for each in sets]


def vectors(model: SparseEncoder, texts: Sequence[str], task: Task) -> list[SparseVector]:
    """Encode texts with a model in training as :class:`postings.Encoder` does with a finished one."""
    training = model.training
    model.eval()
    try:
        return encode_with(model, texts, task)
    finally:
        model.train(training)


def _ndcg(
    queries: Mapping[str, SparseVector], ids: Sequence[str], documents: Sequence[SparseVector], judgements: Judgements
) -> float:
    search = ExactSearch(ids, documents)
    return evaluate({id: search(vector) for id, vector in queries.items()}, judgements).ndcg_at_10
