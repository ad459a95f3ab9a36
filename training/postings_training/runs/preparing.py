"""The first part of a run: read the data, check the folders, and look for leaks."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from postings_training.data.judgements import BeirSet, pairs_as_set
from postings_training.leaks.guard import without_leaks
from postings_training.leaks.known_sources import known_sources
from postings_training.leaks.provenance import Source, trained_on
from postings_training.recipes.recipe import Recipe
from postings_training.runs.checkpoints import run_folder
from postings_training.runs.device import device_of
from postings_training.runs.evaluator import load_sets
from postings_training.runs.resuming import begin
from postings_training.runs.training_data import TrainingData, load_data

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """What a run works on.

    Attributes:
        device: where it trains.
        data: what it trains on.
        sets: what it measures on, without leaked queries.
        sources: what the published model will have been trained on, its base included.
        folder: for checkpoints.
        checkpoint: to resume from.
    """

    device: str
    data: TrainingData
    sets: tuple[BeirSet, ...]
    sources: tuple[Source, ...]
    folder: Path
    checkpoint: Path | None


def prepare(recipe: Recipe, out: Path, *, resume: bool, held: ExitStack) -> PreparedRun:
    """Read the data and the sets to measure on, and check that the run may start; see :func:`.train` for the errors.

    ``held`` gets the lock of the run's folder, which is to be held until the run ends.
    """
    device, folder = device_of(recipe.training), run_folder(out)
    if recipe.data.sources:
        log.info("reading %s", ", ".join(map(str, recipe.data.sources)))
    sets, data = load_sets(recipe.evaluation), load_data(recipe.data)
    checkpoint = begin(recipe, data.sources, out, folder, resume=resume, held=held)
    suspects = data.sources
    if data.held_out is not None and sets:
        log.info("%d rows are held out, but not measured on: evaluation.sets names sets", len(data.held_out))
    elif data.held_out is not None:
        sets = [pairs_as_set("held_out", data.held_out["query"], data.held_out["positive"])]
        suspects = ()  # load_data has already left out the rows that are like these
    if sets:
        sets = _without_leaks(sets, suspects, recipe)
    sources = tuple(dict.fromkeys([*data.sources, *(trained_on(recipe.base) or ())]))
    return PreparedRun(device, data, tuple(sets), sources, folder, checkpoint)


def _without_leaks(sets: list[BeirSet], suspects: tuple[Source, ...], recipe: Recipe) -> list[BeirSet]:
    """The sets without the queries that the base was trained on, or that ``suspects`` hold."""
    before, unchecked = known_sources([recipe.base])
    log.info("looking for queries to measure on in the training data")
    kept, remarks = without_leaks(
        sets, list(dict.fromkeys([*suspects, *before])), drop=recipe.evaluation.leaks == "drop"
    )
    for remark in (*unchecked, *remarks):
        log.warning(remark)
    return kept
