"""Steering: the weights rise by the schedule, pull towards the target, and go on from a checkpoint."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers.sparse_encoder.losses import SpladeLoss
from transformers import TrainerControl, TrainerState

from postings_training.losses.recipe_loss import build_loss
from postings_training.losses.step_means import StepMeans
from postings_training.recipes.loading import load_recipe
from postings_training.runs.steering import Steering
from tests.support import models

STEPS = 100


class Run:
    """Steps of a trainer over vectors whose active dims are told."""

    def __init__(self, folder: Path, *changes: str) -> None:
        recipe = load_recipe("splade-gooaq", ["loss.query_weight=1", "loss.document_weight=2", *changes])
        self.means = StepMeans()
        self.loss: Any = build_loss(models.bert(folder), recipe, self.means)
        assert isinstance(self.loss, SpladeLoss)
        self.steering = Steering(self.loss, recipe.sparsity, self.means)
        self.state = TrainerState(max_steps=STEPS, stateful_callbacks=[])  # type: ignore[arg-type]

    def begin(self) -> None:
        self.steering.on_train_begin(None, self.state, TrainerControl())

    def step(self, query: float = 20, document: float = 200) -> tuple[float, float]:
        self.steering.on_step_begin(None, self.state, TrainerControl())
        found = self.loss.query_regularizer_weight, self.loss.document_regularizer_weight
        self.means.add("query_active_dims", torch.tensor(query))
        self.means.add("document_active_dims", torch.tensor(document))
        self.state.global_step += 1
        self.steering.on_step_end(None, self.state, TrainerControl())
        return found


def test_without_a_target_the_weights_rise_to_the_recipes_and_stay(tmp_path: Path) -> None:
    run = Run(tmp_path, "sparsity.rise=0.5")
    run.begin()
    weights = [run.step() for _ in range(STEPS)]
    assert weights[0] == (0, 0)
    assert weights[25] == pytest.approx((0.25, 0.5))
    assert set(weights[50:]) == {(1, 2)}


@pytest.mark.parametrize(("active", "sign"), [(200, 1), (50, -1)])
def test_a_weight_grows_while_there_are_too_many_dims_and_shrinks_while_there_are_too_few(
    active: float, sign: int, tmp_path: Path
) -> None:
    run = Run(tmp_path, "sparsity.rise=0.1", "sparsity.document_target=100")
    run.begin()
    weights = [run.step(document=active) for _ in range(STEPS)]
    documents = [document for _, document in weights[20:]]
    assert all((after - before) * sign > 0 for before, after in pairwise(documents))
    assert (documents[0] - 2) * sign > 0
    assert {query for query, _ in weights[20:]} == {1}, "queries have no target"


def test_at_the_target_a_weight_stays(tmp_path: Path) -> None:
    run = Run(tmp_path, "sparsity.rise=0.1", "sparsity.query_target=20")
    run.begin()
    assert {query for query, _ in [run.step(query=20) for _ in range(STEPS)][20:]} == {1}


def test_a_checkpoint_keeps_the_controller(tmp_path: Path) -> None:
    changes = ("sparsity.rise=0.1", "sparsity.document_target=100", "sparsity.query_target=10")
    whole = Run(tmp_path, *changes)
    whole.begin()
    expected = [whole.step(document=300 - n) for n in range(60)]
    first = Run(tmp_path, *changes)
    first.begin()
    found = [first.step(document=300 - n) for n in range(30)]
    second = Run(tmp_path, *changes)
    second.state.global_step = 30
    second.state.stateful_callbacks = {"Steering": first.steering.state()}  # type: ignore[assignment]
    second.begin()
    found += [second.step(document=300 - n) for n in range(30, 60)]
    assert found == expected
