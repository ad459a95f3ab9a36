"""Steering of sparsity: the weights of the FLOPS losses rise, and are then adjusted to reach target active dims."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sentence_transformers.sparse_encoder.callbacks.splade_callbacks import SpladeRegularizerWeightSchedulerCallback
from transformers.trainer_callback import ExportableState, TrainerControl, TrainerState

from postings_training.losses.step_means import StepMeans
from postings_training.recipes.objective import SparsitySettings

if TYPE_CHECKING:
    from sentence_transformers.sparse_encoder.losses import SpladeLoss

SIDES = ("query", "document")
_SMOOTHING = 0.9
_CLIP = 1.0
_STEEPNESS = 4.0
_SPEED = 20.0
_SHORTEST = 200
_RANGE = math.log(1e6)


class Steering(SpladeRegularizerWeightSchedulerCallback, ExportableState):
    """Raise the FLOPS weights from 0 as SPLADE does, and adjust them where there is a target.

    The weight of a side (queries or documents) is the recipe's weight, times the schedule's factor, times
    ``(a / t) ** 4 * exp(I)``, where ``a`` are the side's active dims, smoothed over about ten steps, and ``t`` is the
    target. The power reacts at once. The integral ``I`` removes the remaining error: it grows by
    ``20 / steps * log(a / t)`` in each step, enough to change the weight a hundredfold in a third of the run, and
    starts once the schedule has risen. This is a proportional-integral controller of the logarithm, so twice as many
    dims and half as many count as equal errors at any scale.

    Args:
        loss: whose weights are set.
        settings: schedule and targets.
        means: of the active dims.
    """

    def __init__(self, loss: SpladeLoss, settings: SparsitySettings, means: StepMeans) -> None:
        super().__init__(loss, scheduler_type=settings.schedule, warmup_ratio=settings.rise)
        self._settings = settings
        self._targets = {"query": settings.query_target, "document": settings.document_target}
        self._means = means
        self._smoothed: dict[str, float] = {}
        self._integral = dict.fromkeys(SIDES, 0.0)

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Start the schedule, and restore the controller from a checkpoint."""
        super().on_train_begin(args, state, control, **kwargs)
        callbacks: Any = state.stateful_callbacks or {}
        saved = callbacks.get(type(self).__name__)
        if saved and state.global_step:
            self._smoothed = dict(saved["attributes"]["smoothed"])
            self._integral = dict(saved["attributes"]["integral"])

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Set the weights for the step."""
        super().on_step_begin(args, state, control, **kwargs)
        # The parent sets the weights of the loss only when the schedule changes them, and knows only these.
        self.loss.query_regularizer_weight = self._weight("query", self._current_query_regularizer_weight)
        self.loss.document_regularizer_weight = self._weight("document", self._current_document_regularizer_weight)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Update the controller by the active dims of the step."""
        measured = self._means.step()
        for side, target in self._targets.items():
            active = measured.get(f"{side}_active_dims")
            if target is None or active is None:
                continue
            before = self._smoothed.get(side, active)
            self._smoothed[side] = _SMOOTHING * before + (1 - _SMOOTHING) * active
            if state.global_step >= self._settings.rise * state.max_steps:
                error = max(-_CLIP, min(_CLIP, self._error(side, target)))
                moved = self._integral[side] + _SPEED / max(state.max_steps, _SHORTEST) * error
                self._integral[side] = max(-_RANGE, min(_RANGE, moved))

    def on_log(self, args: Any, state: Any, control: Any, model: Any = None, logs: Any = None, **kwargs: Any) -> None:
        """Do nothing: the collapse guard logs the weights."""

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint stores."""
        return {"args": {}, "attributes": {"smoothed": dict(self._smoothed), "integral": dict(self._integral)}}

    def weights(self) -> dict[str, float]:
        """Return the current weights by name, for the log."""
        return {
            "query_weight": float(self.loss.query_regularizer_weight or 0),
            "document_weight": float(self.loss.document_regularizer_weight),
        }

    def _weight(self, side: str, scheduled: float | None) -> float:
        target = self._targets[side]
        if target is None or side not in self._smoothed:
            return scheduled or 0.0
        steered: float = (scheduled or 0.0) * math.exp(_STEEPNESS * self._error(side, target) + self._integral[side])
        return steered

    def _error(self, side: str, target: float) -> float:
        return math.log(max(self._smoothed[side], 1e-3) / target)
