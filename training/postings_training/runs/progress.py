"""The progress of a run, for a bar and for the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import TrainerControl, TrainerState

log = logging.getLogger(__name__)

_TIMINGS = {"epoch", "runtime", "samples_per_second", "steps_per_second"}


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """The state of a run after a step; values that aren't known yet are ``None``.

    Attributes:
        step: optimizer steps done, out of ``steps``.
        steps: optimizer steps of the whole run.
        loss: mean since the previous log line.
        ndcg: nDCG@10 of the last evaluation.
        query_dims: mean active dims of queries since the previous log line.
        document_dims: mean active dims of documents, likewise.
    """

    step: int = 0
    steps: int = 0
    loss: float | None = None
    ndcg: float | None = None
    query_dims: float | None = None
    document_dims: float | None = None


class Reporter(TrainerCallback):
    """Reports each step, and writes log lines to the ``postings_training`` log.

    Args:
        show: called after each step, log line and evaluation, in the first process only.
    """

    def __init__(self, show: Callable[[TrainingProgress], None] | None) -> None:
        self._show = show
        self._progress = TrainingProgress()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Report a step."""
        self._report(state)

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Report loss and active dims."""
        logs = kwargs.get("logs") or {}
        if "loss" in logs:
            figures = ", ".join(f"{name} {_short(value)}" for name, value in logs.items())
            if state.is_world_process_zero:
                log.info("step %d of %d: %s", state.global_step, state.max_steps, figures)
            self._report(
                state,
                loss=float(logs["loss"]),
                query_dims=logs.get("query_active_dims"),
                document_dims=logs.get("document_active_dims"),
            )

    def on_evaluate(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Report an evaluation."""
        metrics = {name.removeprefix("eval_"): value for name, value in (kwargs.get("metrics") or {}).items()}
        found = {name: value for name, value in metrics.items() if name not in _TIMINGS}
        if "ndcg@10" in found:
            if state.is_world_process_zero:
                figures = ", ".join(f"{name} {_short(value)}" for name, value in found.items())
                log.info("step %d of %d: %s", state.global_step, state.max_steps, figures)
            self._report(state, ndcg=float(found["ndcg@10"]))

    def _report(self, state: TrainerState, **figures: Any) -> None:
        self._progress = replace(self._progress, step=state.global_step, steps=state.max_steps, **figures)
        if self._show is not None and state.is_world_process_zero:
            self._show(self._progress)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
