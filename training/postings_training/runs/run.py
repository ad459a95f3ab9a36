"""A training run, from a recipe to a published folder."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import EarlyStoppingCallback, set_seed

from postings.errors import ConfigurationError, TrainingFailure
from postings_training.data.judgements import pairs_as_set
from postings_training.leaks.guard import without_leaks
from postings_training.leaks.known_sources import known_sources
from postings_training.leaks.provenance import Source, trained_on
from postings_training.models.building import build_model
from postings_training.models.patching import lean_heads
from postings_training.models.truncation import length_limit, truncated_to
from postings_training.publishing.folder import Record, publish
from postings_training.recipes.recipe import Recipe
from postings_training.runs.checkpoints import (
    checkpoint_state,
    drop_partial,
    is_full,
    last_checkpoint,
    refuse_small_disk,
    run_folder,
    what_is_kept,
)
from postings_training.runs.evaluator import RetrievalEvaluator, load_sets
from postings_training.runs.interruption import saved_on_interrupt
from postings_training.runs.progress import Progress, Reporter
from postings_training.runs.trainer import Trainer, build_trainer, device_of, parameters
from postings_training.runs.training_data import TrainingData, load_data
from postings_training.teachers.by_row import labelled
from postings_training.teachers.in_batch import InBatchTeachers

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

log = logging.getLogger(__name__)

_MAY_CHANGE = {"recipe.training.keep", "recipe.training.checkpointing", "recipe.loss.mini_batch"}
"""What a run may need to go on, and leaves its result as it is but for rounding."""


def train(
    recipe: Recipe, out: Path, *, resume: bool = False, show: Callable[[Progress], None] | None = None
) -> Record | None:
    """Train a model and publish it.

    Checkpoints and TensorBoard's files go to a folder beside ``out``, ``OUT.run``, where a run that was stopped or
    killed is resumed: on a processor it ends at the very weights that it would have had. Ctrl-C writes a checkpoint
    first.

    Run by ``torchrun`` or ``accelerate launch``, all processes train together, and the first publishes.

    Args:
        recipe: what to do.
        out: the folder to write; must not exist.
        resume: go on from the last checkpoint.
        show: told of each step.

    Returns:
        What the folder's record holds; ``None`` in other processes than the first.

    Raises:
        ConfigurationError: a setting is wrong, ``out`` is there already, or there is no run to resume.
        TrainingFailure: the run can't go on; its last checkpoint is kept.
        ModelError: the base can't be used.
        ReaderError: the data can't be read.
        InvalidInput: the data can't be used, or holds queries that are evaluated on.
    """
    with _quiet():
        device = device_of(recipe.training)
        work = run_folder(out)
        log.info("reading %s", ", ".join(map(str, recipe.data.sources)))
        sets, data = load_sets(recipe.evaluation), load_data(recipe.data)
        checkpoint = _begin(recipe, data, out, work, resume=resume)
        own = data.sources
        if data.held_out is not None and not sets:
            # load_data has already left out the rows that are like these.
            sets, own = [pairs_as_set("held_out", data.held_out["query"], data.held_out["positive"])], ()
        if sets:
            before, unchecked = known_sources([recipe.base])
            log.info("looking for queries to measure on in the training data")
            suspects = list(dict.fromkeys([*own, *before]))
            sets, remarks = without_leaks(sets, suspects, drop=recipe.evaluation.leaks == "drop")
            for remark in (*unchecked, *remarks):
                log.warning(remark)
        set_seed(recipe.training.seed)
        seen = tuple(dict.fromkeys([*data.sources, *(trained_on(recipe.base) or ())]))
        log.info("loading %s", recipe.base)
        model = build_model(recipe.base, recipe.model, device, data.train["positive"])
        evaluator = RetrievalEvaluator(sets, recipe.evaluation.active_dims, length_limit(model, None)) if sets else None
        rows = labelled(data.train, recipe, device)
        teachers = InBatchTeachers(data.train, recipe, device) if recipe.loss.kind == "in-batch-kl" else None
        if _is_first():
            refuse_small_disk(work, *parameters(model), recipe.training.keep)
        with lean_heads(model), truncated_to(model, length_limit(model, recipe.training.max_length)):
            log.info("training on %s rows, on %s", f"{len(rows):,}", device)
            trainer = build_trainer(recipe, model, rows, evaluator, work, [Reporter(show)], teachers)
            began = time.monotonic()
            _run(trainer, work, checkpoint)
            seconds = time.monotonic() - began
        if not trainer.is_world_process_zero():
            return None
        if recipe.publish.half:
            model.half().float()  # what is measured is what is stored
        results = evaluator(model) if evaluator else {}
        return _publish(model, out, recipe, seen, trainer, seconds, results)


def _is_first() -> bool:
    """Whether this is the process that writes: the others may be ahead of it, and find no folder yet."""
    return os.environ.get("RANK", "0") == "0"


def _begin(recipe: Recipe, data: TrainingData, out: Path, work: Path, *, resume: bool) -> Path | None:
    """Look at the folders; returns the checkpoint to resume from."""
    if not _is_first():
        return last_checkpoint(work) if resume else None
    if out.exists():
        raise ConfigurationError(f"{out} is there already: name another folder with --out, or move it away")
    sources = [asdict(source) | {"left_out": [*map(list, source.left_out)]} for source in data.sources]
    started = {"recipe": recipe.model_dump(mode="json"), "sources": sources}
    note = work / "recipe.json"
    checkpoint = last_checkpoint(work)
    if not resume:
        if checkpoint is not None:
            raise ConfigurationError(
                f"{work} holds the checkpoints of an earlier run: go on with it by --resume, or delete the folder"
            )
        try:
            work.mkdir(parents=True, exist_ok=True)
            note.write_text(json.dumps(started, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"--out {out}: {work} can't be written: {error.strerror}") from error
        return None
    if checkpoint is None:
        raise ConfigurationError(f"there is no run to resume: {work} holds no whole checkpoint")
    try:
        before = json.loads(note.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{note} can't be read: {error}") from error
    if changed := sorted(_changes(before, started)):
        raise ConfigurationError(f"{work} was begun with other settings or data: {', '.join(changed)}")
    drop_partial(work)
    return checkpoint


def _changes(before: Any, after: Any, name: str = "") -> Iterator[str]:
    if name in _MAY_CHANGE:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from _changes(before.get(key), after.get(key), f"{name}.{key}" if name else key)
    elif before != after:
        yield name.removeprefix("recipe.")


def _run(trainer: Trainer, work: Path, checkpoint: Path | None) -> None:
    if checkpoint is not None:
        log.info("going on from %s", checkpoint)
        _restore_patience(trainer, checkpoint)
        if _is_over(trainer, checkpoint):
            trainer.load_last_state(checkpoint)
            return
    try:
        with saved_on_interrupt(trainer):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError as error:
        raise TrainingFailure(
            f"the GPU's memory is too small: set loss.mini_batch or training.checkpointing=true, or begin again with a "
            f"lower training.batch_size; {what_is_kept(work)}"
        ) from error
    except TrainingFailure as error:
        raise TrainingFailure(f"{error}; {what_is_kept(work, resumable=False)}") from error
    except Exception as error:
        if not is_full(error):
            raise
        drop_partial(work)
        raise TrainingFailure(f"there is no room left to write to {work} ({error}); {what_is_kept(work)}") from error


def _restore_patience(trainer: Trainer, checkpoint: Path) -> None:
    """The trainer's own way to restore callbacks builds all of them anew, from settings that JSON can hold."""
    saved = checkpoint_state(checkpoint).get("stateful_callbacks", {}).get("EarlyStoppingCallback")
    for callback in trainer.callback_handler.callbacks:
        if saved and isinstance(callback, EarlyStoppingCallback):
            callback.early_stopping_patience_counter = saved["attributes"]["early_stopping_patience_counter"]


def _is_over(trainer: Trainer, checkpoint: Path) -> bool:
    """Whether the run had only to be published: the trainer itself looks after a step, not before."""
    state = checkpoint_state(checkpoint)
    waiting = [each for each in trainer.callback_handler.callbacks if isinstance(each, EarlyStoppingCallback)]
    spent = any(each.early_stopping_patience_counter >= each.early_stopping_patience for each in waiting)
    return spent or state["global_step"] >= state["max_steps"]


def _publish(
    model: SparseEncoder,
    out: Path,
    recipe: Recipe,
    seen: tuple[Source, ...],
    trainer: Trainer,
    seconds: float,
    results: dict[str, float],
) -> Record:
    if recipe.publish.half:
        model.half()
    try:
        return publish(model, out, recipe, seen, trainer.state.global_step, seconds, results)
    except Exception as error:
        if not is_full(error):
            raise
        kept = what_is_kept(run_folder(out))
        raise TrainingFailure(f"there is no room left to write {out} ({error}); {kept}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars of transformers and datasets, of which a run shows dozens."""
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
