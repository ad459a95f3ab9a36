"""Control of sparsity: the weights of the FLOPS losses rise, are steered to a target, and a collapse ends the run."""

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
    """Raise the FLOPS weights from 0 as SPLADE does, and where there is a target, steer them to it.

    The weight of a side is the recipe's, times the schedule's, times ``(a / t) ** 4 * exp(I)``: ``a`` are the side's
    active dims, smoothed over some ten steps, ``t`` the target. The first factor answers at once; ``I`` makes up for
    what is left over, growing by ``20 / steps * log(a / t)`` a step, so that a run can change the weight a
    hundredfold in a third of its steps. It waits until the schedule has risen. (A proportional-integral controller
    of the logarithm: doubling or halving the dims pulls equally hard, whatever their scale.)

    Args:
        loss: its weights are set.
        settings: schedule and targets.
        means: where the active dims are measured.
    """

    def __init__(self, loss: SpladeLoss, settings: SparsitySettings, means: StepMeans) -> None:
        super().__init__(loss, scheduler_type=settings.schedule, warmup_ratio=settings.rise)
        self._settings = settings
        self._targets = {"query": settings.query_target, "document": settings.document_target}
        self._means = means
        self._smoothed: dict[str, float] = {}
        self._integral = dict.fromkeys(SIDES, 0.0)

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Start the schedule; go on where a checkpoint left the controller."""
        super().on_train_begin(args, state, control, **kwargs)
        callbacks: Any = state.stateful_callbacks or {}
        saved = callbacks.get(type(self).__name__)
        if saved and state.global_step:
            self._smoothed = dict(saved["attributes"]["smoothed"])
            self._integral = dict(saved["attributes"]["integral"])

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Set the weights for a step."""
        super().on_step_begin(args, state, control, **kwargs)
        # The parent sets the loss' weights only when its own change; what it keeps of them is the schedule's alone.
        self.loss.query_regularizer_weight = self._weight("query", self._current_query_regularizer_weight)
        self.loss.document_regularizer_weight = self._weight("document", self._current_document_regularizer_weight)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Take the step's active dims in."""
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
        """Nothing: the collapse guard writes the weights down."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"args": {}, "attributes": {"smoothed": dict(self._smoothed), "integral": dict(self._integral)}}

    def weights(self) -> dict[str, float]:
        """The weights as they are, by name, for the log."""
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
