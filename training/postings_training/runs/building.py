"""The second part of a run: build the model, what measures it, and what teaches it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transformers import set_seed

from postings_training.models.from_base import build_model
from postings_training.models.truncation import length_limit
from postings_training.recipes.recipe import Recipe
from postings_training.runs.evaluator import RetrievalEvaluator
from postings_training.runs.preparing import PreparedRun
from postings_training.teachers.by_row import labeled
from postings_training.teachers.in_batch import InBatchTeachers

if TYPE_CHECKING:
    from datasets import Dataset
    from sentence_transformers import SparseEncoder

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuiltRun:
    """What the trainer is made of.

    Attributes:
        model: not trained yet.
        rows: to train on, with the labels that the loss wants.
        evaluator: ``None`` if there is nothing to measure on.
        teachers: of an in-batch distillation.
    """

    model: SparseEncoder
    rows: Dataset
    evaluator: RetrievalEvaluator | None
    teachers: InBatchTeachers | None


def build(recipe: Recipe, prepared: PreparedRun) -> BuiltRun:
    """Load the base and the teachers, which score the rows or encode their texts."""
    device, data = prepared.device, prepared.data.train
    set_seed(recipe.training.seed)
    log.info("loading %s", recipe.base)
    model = build_model(recipe.base, recipe.model, device, data["positive"])
    dims, limit = recipe.evaluation.active_dims, length_limit(model, None)
    evaluator = RetrievalEvaluator(prepared.sets, dims, limit) if prepared.sets else None
    rows = labeled(data, recipe, device)
    teachers = InBatchTeachers(data, recipe, device) if recipe.loss.kind == "in-batch-kl" else None
    return BuiltRun(model, rows, evaluator, teachers)
