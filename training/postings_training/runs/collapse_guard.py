"""Stopping a run whose vectors have become empty or dense."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import TrainerControl, TrainerState

from postings.errors import TrainingFailure
from postings_training.losses.step_means import StepMeans
from postings_training.recipes.objective import SparsitySettings
from postings_training.runs.steering import SIDES, Steering


class CollapseGuard(TrainerCallback):
    """Adds active dims and FLOPS losses to every log line, and stops the run if they show a collapse.

    Args:
        means: of active dims and losses.
        settings: the limits, ``fewest`` and ``most``.
        dims: number of dims of the vectors.
        steering: whose weights are logged; None for CSR, whose ``k`` fixes the active dims.
    """

    def __init__(self, means: StepMeans, settings: SparsitySettings, dims: int, steering: Steering | None) -> None:
        self._means = means
        self._settings = settings
        self._dims = dims
        self._steering = steering

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """End the step of the means, if no steering has done so; ask for a log line wherever the run may end."""
        self._means.step()
        # After an evaluation a run may be out of patience: a collapse since the last line would be published.
        if control.should_evaluate or state.global_step >= state.max_steps:
            control.should_log = True

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Complete a log line, and check it.

        Raises:
            TrainingFailure: the vectors are empty or dense.
        """
        logs = kwargs.get("logs") or {}
        if "loss" not in logs:
            return
        measured = self._means.since_log()
        measured.update(self._steering.weights() if self._steering else {})
        # sentence-transformers rounds these to four decimals, which makes most of them 0.
        logs.pop("query_regularizer_loss", None), logs.pop("document_regularizer_loss", None)
        logs.update(measured)
        if state.log_history:
            state.log_history[-1] = {**logs, "step": state.global_step}
        self._refuse_collapse(measured, state)

    def _refuse_collapse(self, measured: dict[str, float], state: TrainerState) -> None:
        risen = state.global_step >= self._settings.rise * state.max_steps
        for side in SIDES:
            active = measured.get(f"{side}_active_dims")
            if active is None:
                continue
            where = f"at step {state.global_step} {side} vectors have {active:.1f} of {self._dims:,} dims active"
            if active < self._settings.fewest:
                raise TrainingFailure(
                    f"{where}, fewer than sparsity.fewest ({self._settings.fewest:g}): the run has collapsed to empty "
                    f"vectors; lower loss.{side}_weight or training.learning_rate, or set sparsity.{side}_target"
                )
            if risen and self._steering and active > self._settings.most * self._dims:
                raise TrainingFailure(
                    f"{where}, more than sparsity.most ({self._settings.most:.0%}): the run has collapsed to dense "
                    f"vectors; raise loss.{side}_weight, or set sparsity.{side}_target"
                )
