"""Retrieval quality of a model while it is trained: nDCG@10 over small sets, by exact scores of Postings' vectors."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers.base.evaluation import BaseEvaluator

from postings import SparseVector
from postings.encoder.batches import batches
from postings.encoder.folder import Task
from postings.encoder.torch_model import route_of
from postings.errors import ConfigurationError
from postings_training.evaluation import Judgements, evaluate, load_beir
from postings_training.recipe import Evaluation
from postings_training.rows import read_corpus

if TYPE_CHECKING:
    from datasets import Dataset
    from sentence_transformers import SparseEncoder

log = logging.getLogger(__name__)

_FOUND = 100
_NANO = "nano-"


@dataclass(frozen=True, slots=True)
class TestSet:
    """Queries, documents and judgements under their ids."""

    __test__ = False  # for pytest

    name: str
    queries: Mapping[str, str]
    documents: Mapping[str, str]
    judgements: Judgements


class RetrievalEvaluator(BaseEvaluator):
    """What sentence-transformers' trainer calls: the mean nDCG@10 over some sets, and how sparse the vectors are.

    Args:
        sets: to search in.
        others: sentence-transformers' own evaluators, by the name of the figure that counts as theirs.
        active_dims: measure also with vectors pruned to these.
    """

    def __init__(
        self, sets: Sequence[TestSet], others: Mapping[str, Any] | None = None, active_dims: Sequence[int] = ()
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.greater_is_better = True
        self.primary_metric = "ndcg@10"
        self._sets = sets
        self._others = others or {}
        self._active_dims = active_dims

    def __call__(
        self,
        model: SparseEncoder,  # type: ignore[override]
        output_path: str | None = None,  # noqa: ARG002
        epoch: float = -1,  # noqa: ARG002
        steps: int = -1,  # noqa: ARG002
    ) -> dict[str, float]:
        """Measure.

        Returns:
            ``ndcg@10`` (the mean), ``{set}_ndcg@10``, ``{set}_ndcg@10_at_{dims}``, and the mean active dims of queries
            and documents.
        """
        found: dict[str, float] = {}
        active: dict[Task, list[float]] = {"query": [], "document": []}
        for each in self._sets:
            queries, documents = (
                dict(zip(texts, vectors(model, list(texts.values()), task), strict=True))
                for texts, task in ((each.queries, _QUERY), (each.documents, _DOCUMENT))
            )
            active["query"].append(mean(map(len, queries.values())))
            active["document"].append(mean(map(len, documents.values())))
            found[f"{each.name}_ndcg@10"] = _ndcg(queries, documents, each.judgements)
            for dims in self._active_dims:
                found[f"{each.name}_ndcg@10_at_{dims}"] = _ndcg(
                    {id: _top(vector, dims) for id, vector in queries.items()},
                    {id: _top(vector, dims) for id, vector in documents.items()},
                    each.judgements,
                )
        means = [found[f"{each.name}_ndcg@10"] for each in self._sets]
        for figure, other in self._others.items():
            means.append(float(other(model)[figure]))
            found[figure.replace("_dot_ndcg@10", "_ndcg@10")] = means[-1]
        sparsity = {f"{task}_active_dims": mean(values) for task, values in active.items() if values}
        return {"ndcg@10": mean(means), **found, **sparsity}


_QUERY: Task = "query"
_DOCUMENT: Task = "document"


def build_evaluator(settings: Evaluation, held_out: Dataset | None, batch_size: int) -> RetrievalEvaluator | None:
    """The evaluator of a recipe, ``None`` if it names nothing to measure on.

    Args:
        settings: of the recipe.
        held_out: rows that the model isn't trained on: each query has to find its positive among all of theirs. They
            are used where no set is named.
        batch_size: for sets of the hub.

    Raises:
        ReaderError: a BEIR folder can't be read.
        ConfigurationError: a set of the hub can't be reached.
    """
    nano = [name.removeprefix(_NANO) for name in settings.sets if name.startswith(_NANO)]
    sets = [_beir_set(name, settings) for name in settings.sets if not name.startswith(_NANO)]
    if held_out is not None and not settings.sets:
        sets.append(held_out_set(held_out["query"], held_out["positive"]))
    if not sets and not nano:
        return None
    return RetrievalEvaluator(sets, _nano_beir(nano, batch_size), settings.active_dims)


def held_out_set(queries: Sequence[str], positives: Sequence[str]) -> TestSet:
    """Pairs as a set: all distinct positives are its documents, and each query's own are relevant to it.

    Example:
        >>> held_out_set(["a?", "b?", "a?"], ["x", "y", "y"]).judgements
        {'a?': {'x': 1, 'y': 1}, 'b?': {'y': 1}}
    """
    judgements: dict[str, dict[str, int]] = {}
    for query, positive in zip(queries, positives, strict=True):
        judgements.setdefault(query, {})[positive] = 1
    return TestSet("held_out", {text: text for text in judgements}, {text: text for text in positives}, judgements)


def vectors(model: SparseEncoder, texts: Sequence[str], task: Task) -> list[SparseVector]:
    """Encode texts with a model in training as :class:`postings.Encoder` does with a finished one."""
    training = model.training
    model.eval()
    try:
        route = route_of(model, task)
        prompt = model.prompts.get(task) or ""
        prepared = route.prepare([prompt + text for text in texts])
        found: list[SparseVector | None] = [None] * len(texts)
        for group in batches([len(each) for each in prepared], route.pass_size):
            encoded = route.encode([prepared[position] for position in group], positions=False)
            for position, each in zip(group, encoded, strict=True):
                found[position] = each.vector
        return [vector for vector in found if vector is not None]
    finally:
        model.train(training)


def _ndcg(queries: Mapping[str, SparseVector], documents: Mapping[str, SparseVector], judgements: Judgements) -> float:
    names = list(documents)
    dims = 1 + max(
        (int(vector.indices[-1]) for side in (queries, documents) for vector in side.values() if len(vector)),
        default=0,
    )
    matrix, columns = _matrix(list(documents.values()), dims), _matrix(list(queries.values()), dims).to_dense().T
    scores, places = (matrix @ columns).T.topk(min(_FOUND, len(names)))
    run = {
        query: {names[place]: score for place, score in zip(found.tolist(), values.tolist(), strict=True) if score > 0}
        for query, found, values in zip(queries, places, scores, strict=True)
    }
    return evaluate(run, judgements).ndcg_at_10


def _matrix(rows: Sequence[SparseVector], dims: int) -> torch.Tensor:
    places = np.stack(
        [np.repeat(np.arange(len(rows)), [len(row) for row in rows]), np.concatenate([row.indices for row in rows])]
    )
    values = np.concatenate([row.values for row in rows])
    return torch.sparse_coo_tensor(
        torch.from_numpy(places), torch.from_numpy(values), (len(rows), dims), is_coalesced=True, check_invariants=False
    )


def _top(vector: SparseVector, dims: int) -> SparseVector:
    if len(vector) <= dims:
        return vector
    kept = np.sort(np.argsort(-vector.values, kind="stable")[:dims])
    return SparseVector(vector.indices[kept], vector.values[kept])


def _beir_set(folder: str, settings: Evaluation) -> TestSet:
    judged = load_beir(folder, settings.split)
    queries = dict(islice(judged.queries.items(), settings.queries))
    judgements = {query: judged.judgements[query] for query in queries}
    return TestSet(Path(folder).resolve().name, queries, dict(read_corpus(Path(folder))), judgements)


def _nano_beir(names: Sequence[str], batch_size: int) -> dict[str, Any]:
    if not names:
        return {}
    from sentence_transformers.sparse_encoder.evaluation import SparseNanoBEIREvaluator

    try:
        evaluator = SparseNanoBEIREvaluator(
            dataset_names=list(names), batch_size=batch_size, show_progress_bar=False, write_csv=False
        )
    except Exception as error:  # the hub's client raises its own, httpx's and OS errors
        reason = str(error).strip().partition("\n")[0]
        raise ConfigurationError(
            f"evaluation.sets names NanoBEIR's {', '.join(names)}, which the hub didn't give ({reason}): name BEIR "
            "folders instead with --evaluate, or set evaluation.sets=[]"
        ) from error
    return {"NanoBEIR_mean_dot_ndcg@10": evaluator}
