"""How far a run is, for whoever watches: a bar, a log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import TrainerControl, TrainerState

log = logging.getLogger(__name__)

_CLOCK = {"epoch", "runtime", "samples_per_second", "steps_per_second"}


@dataclass(frozen=True, slots=True)
class Progress:
    """A run at one moment; what isn't known yet is ``None``.

    Attributes:
        step: optimizer steps done, of ``steps``.
        loss: mean since the log line before.
        ndcg: nDCG@10 of the last evaluation.
        query_dims: active dims of queries, mean since the log line before.
        document_dims: likewise of documents.
    """

    step: int = 0
    steps: int = 0
    loss: float | None = None
    ndcg: float | None = None
    query_dims: float | None = None
    document_dims: float | None = None


class Reporter(TrainerCallback):
    """Tells of each step, and writes log lines to the ``postings_training`` log.

    Args:
        show: called after each step, log line and evaluation, in the first process only.
    """

    def __init__(self, show: Callable[[Progress], None] | None) -> None:
        self._show = show
        self._progress = Progress()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """A step more."""
        self._tell(state)

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """New figures."""
        logs = kwargs.get("logs") or {}
        if "loss" in logs:
            figures = ", ".join(f"{name} {_short(value)}" for name, value in logs.items())
            if state.is_world_process_zero:
                log.info("step %d of %d: %s", state.global_step, state.max_steps, figures)
            self._tell(
                state,
                loss=float(logs["loss"]),
                query_dims=logs.get("query_active_dims"),
                document_dims=logs.get("document_active_dims"),
            )

    def on_evaluate(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """New quality."""
        metrics = {name.removeprefix("eval_"): value for name, value in (kwargs.get("metrics") or {}).items()}
        found = {name: value for name, value in metrics.items() if name not in _CLOCK}
        if "ndcg@10" in found:
            if state.is_world_process_zero:
                figures = ", ".join(f"{name} {_short(value)}" for name, value in found.items())
                log.info("step %d of %d: %s", state.global_step, state.max_steps, figures)
            self._tell(state, ndcg=float(found["ndcg@10"]))

    def _tell(self, state: TrainerState, **figures: Any) -> None:
        self._progress = replace(self._progress, step=state.global_step, steps=state.max_steps, **figures)
        if self._show is not None and state.is_world_process_zero:
            self._show(self._progress)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
