"""Resuming a run: with the settings and the data that it was started with, from its last checkpoint."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import EarlyStoppingCallback

from postings.errors import ConfigurationError
from postings_training.leaks.provenance import Source
from postings_training.publishing.folder import partial_folder
from postings_training.recipes.recipe import Recipe
from postings_training.runs.checkpoints import checkpoint_state, drop_partial, last_checkpoint
from postings_training.runs.device import is_first_process
from postings_training.runs.run_lock import only_run
from postings_training.runs.trainer import Trainer

_MAY_CHANGE = {"recipe.training.keep", "recipe.training.checkpointing", "recipe.loss.mini_batch"}
"""Settings that may be changed to resume a run: they save memory or disk, and change the result by rounding only."""


def begin(
    recipe: Recipe, sources: tuple[Source, ...], out: Path, folder: Path, *, resume: bool, held: ExitStack
) -> Path | None:
    """Check the folders of a run, and write down its settings and data.

    Args:
        recipe: its settings.
        sources: its data.
        out: where the model will be published.
        folder: for checkpoints.
        resume: whether to continue from the last checkpoint.
        held: gets the lock of ``folder``, which is to be held until the run ends.

    Returns:
        The checkpoint to resume from.

    Raises:
        ConfigurationError: ``out`` exists or can't be written, a run is at work there, there is a run that isn't
            resumed, or none that could be, or one with other settings or data.
    """
    if not is_first_process():
        return last_checkpoint(folder) if resume else None
    if os.path.lexists(out):  # also a link to nothing, which a folder can't be renamed to
        raise ConfigurationError(f"{out} already exists: choose another folder with --out, or move it away")
    recorded = [asdict(source) | {"left_out": [*map(list, source.left_out)]} for source in sources]
    started = {"recipe": recipe.model_dump(mode="json"), "sources": recorded}
    record = folder / "recipe.json"
    with _writing(out, folder):
        if not resume:
            folder.mkdir(parents=True, exist_ok=True)
        if folder.is_dir():
            held.enter_context(only_run(folder))
        checkpoint = last_checkpoint(folder)
    if not resume:
        if checkpoint is not None:
            raise ConfigurationError(
                f"{folder} holds the checkpoints of an earlier run: continue it with --resume, or delete the folder"
            )
        _try_out(out)
        with _writing(out, record):
            record.write_text(json.dumps(started, indent=2) + "\n", encoding="utf-8")
        return None
    if checkpoint is None:
        raise ConfigurationError(f"there is no run to resume: {folder} holds no complete checkpoint")
    try:
        before = json.loads(record.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{record} can't be read: {error}") from error
    if changed := sorted(_changes(before, started)):
        raise ConfigurationError(f"{folder} was started with other settings or data: {', '.join(changed)}")
    _try_out(out)
    drop_partial(folder)
    return checkpoint


def _try_out(out: Path) -> None:
    """Write the folder that will be renamed to ``out``, and delete it, with what a killed run left in it.

    What can't be published, such as a name that is too long, would otherwise be seen when training is over.
    """
    partial = partial_folder(out)
    with _writing(out, partial):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        partial.rmdir()


@contextmanager
def _writing(out: Path, what: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"--out {out}: {what} can't be written: {error.strerror or error}") from error


def restore_patience(trainer: Trainer, checkpoint: Path) -> None:
    """Restore the count of evaluations without improvement.

    The trainer's own way to restore callbacks creates all of them anew, from settings that JSON can hold.
    """
    saved = checkpoint_state(checkpoint).get("stateful_callbacks", {}).get("EarlyStoppingCallback")
    for callback in trainer.callback_handler.callbacks:
        if saved and isinstance(callback, EarlyStoppingCallback):
            callback.early_stopping_patience_counter = saved["attributes"]["early_stopping_patience_counter"]


def is_over(trainer: Trainer, checkpoint: Path) -> bool:
    """Whether all steps are done and only publishing is left; the trainer itself would do one more step first."""
    state = checkpoint_state(checkpoint)
    waiting = [each for each in trainer.callback_handler.callbacks if isinstance(each, EarlyStoppingCallback)]
    spent = any(each.early_stopping_patience_counter >= each.early_stopping_patience for each in waiting)
    return spent or state["global_step"] >= state["max_steps"]


def _changes(before: Any, after: Any, name: str = "") -> Iterator[str]:
    if name in _MAY_CHANGE:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from _changes(before.get(key), after.get(key), f"{name}.{key}" if name else key)
    elif before != after:
        yield name.removeprefix("recipe.")
