"""A training run, from a recipe to a published folder: prepare, build, fit, publish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from postings.errors import TrainingFailure
from postings_training.publishing.folder import Record, publish
from postings_training.recipes.recipe import Recipe
from postings_training.runs.building import BuiltRun, build
from postings_training.runs.checkpoints import is_full, what_is_kept
from postings_training.runs.fitting import FittedRun, fit
from postings_training.runs.preparing import PreparedRun, prepare
from postings_training.runs.progress import TrainingProgress


def train(
    recipe: Recipe, out: Path, *, resume: bool = False, show: Callable[[TrainingProgress], None] | None = None
) -> Record | None:
    """Train a model and publish it.

    Checkpoints and TensorBoard's files go to a folder beside ``out``, ``OUT.run``. From there a run that was stopped or
    killed is resumed; on a CPU it ends with exactly the weights of a run that wasn't stopped. Ctrl-C writes a
    checkpoint before the run stops.

    When ``torchrun`` or ``accelerate launch`` starts several processes, they train together, and the first publishes.

    Args:
        recipe: all settings.
        out: the folder to write; must not exist.
        resume: continue from the last checkpoint.
        show: called after each step.

    Returns:
        What the folder's record holds; ``None`` in processes other than the first.

    Raises:
        ConfigurationError: a setting is wrong, ``out`` exists, a run is at work there, or there is no run to resume.
        TrainingFailure: the run can't continue; its last checkpoint is kept.
        ModelError: the base can't be used.
        ReaderError: the data can't be read.
        InvalidInput: the data can't be used, or holds queries that are evaluated on.
    """
    with _without_progress_bars(), ExitStack() as held:
        prepared = prepare(recipe, out, resume=resume, held=held)
        built = build(recipe, prepared)
        fitted = fit(recipe, prepared, built, show)
        return None if fitted is None else _publish(recipe, out, prepared, built, fitted)


def _publish(recipe: Recipe, out: Path, prepared: PreparedRun, built: BuiltRun, fitted: FittedRun) -> Record:
    model = built.model
    if recipe.publish.half:
        model.half().float()  # measure the weights that are stored
    results = built.evaluator(model) if built.evaluator else {}
    if recipe.publish.half:
        model.half()
    try:
        return publish(model, out, recipe, prepared.sources, fitted.steps, fitted.seconds, results)
    except Exception as error:
        if not is_full(error):
            raise
        kept = what_is_kept(prepared.folder)
        raise TrainingFailure(f"no space left to write {out} ({error}); {kept}") from error


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Switch off the progress bars of transformers and datasets, of which a run would show dozens."""
    from datasets.utils.logging import disable_progress_bar, enable_progress_bar, is_progress_bar_enabled
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled(), is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    disable_progress_bar()
    try:
        yield
    finally:
        if shown[0]:
            transformers_logging.enable_progress_bar()
        if shown[1]:
            enable_progress_bar()
