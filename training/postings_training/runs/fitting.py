"""The third part of a run: train the model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from postings.errors import TrainingFailure
from postings_training.models.patching import lean_heads
from postings_training.models.truncation import length_limit, truncated_to
from postings_training.recipes.recipe import Recipe
from postings_training.runs.building import BuiltRun
from postings_training.runs.checkpoints import drop_partial, is_full, refuse_small_disk, what_is_kept
from postings_training.runs.device import is_first_process
from postings_training.runs.interruption import saved_on_interrupt
from postings_training.runs.preparing import PreparedRun
from postings_training.runs.progress import Reporter, TrainingProgress
from postings_training.runs.resuming import is_over, restore_patience
from postings_training.runs.trainer import Trainer, build_trainer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FittedRun:
    """How long training took: optimizer steps of all runs, and seconds of this one."""

    steps: int
    seconds: float


def fit(
    recipe: Recipe, prepared: PreparedRun, built: BuiltRun, show: Callable[[TrainingProgress], None] | None
) -> FittedRun | None:
    """Train the model of ``built`` in place.

    Args:
        recipe: how.
        prepared: its folder gets the checkpoints.
        built: what to train, and by what.
        show: called after each step.

    Returns:
        ``None`` in processes other than the first.
    """
    model, folder = built.model, prepared.folder
    if is_first_process():
        refuse_small_disk(folder, *_count_weights(model), recipe.training.keep)
    with lean_heads(model), truncated_to(model, length_limit(model, recipe.training.max_length)):
        log.info("training on %s rows, on %s", f"{len(built.rows):,}", prepared.device)
        reporter = Reporter(show)
        trainer = build_trainer(recipe, model, built.rows, built.evaluator, folder, [reporter], built.teachers)
        began = time.monotonic()
        _run(trainer, folder, prepared.checkpoint)
        seconds = time.monotonic() - began
    return FittedRun(trainer.state.global_step, seconds) if trainer.is_world_process_zero() else None


def _run(trainer: Trainer, folder: Path, checkpoint: Path | None) -> None:
    if checkpoint is not None:
        log.info("resuming from %s", checkpoint)
        restore_patience(trainer, checkpoint)
        if is_over(trainer, checkpoint):
            trainer.load_last_state(checkpoint)
            return
    try:
        with saved_on_interrupt(trainer):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError as error:
        raise TrainingFailure(
            f"the GPU's memory is too small: set loss.mini_batch or training.checkpointing=true, or start again with a "
            f"lower training.batch_size; {what_is_kept(folder)}"
        ) from error
    except TrainingFailure as error:
        raise TrainingFailure(f"{error}; {what_is_kept(folder, resumable=False)}") from error
    except Exception as error:
        if not is_full(error):
            raise
        drop_partial(folder)
        raise TrainingFailure(f"no space left to write to {folder} ({error}); {what_is_kept(folder)}") from error


def _count_weights(model: nn.Module) -> tuple[int, int]:
    """How many weights a model has, and how many of them are trained."""
    counts = [(each.numel(), each.requires_grad) for each in model.parameters()]
    return sum(count for count, _ in counts), sum(count for count, trained in counts if trained)
