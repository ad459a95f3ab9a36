"""The data of a training run: all sources checked and combined, and rows held out."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postings.errors import ConfigurationError, InvalidInput, MissingExtra
from postings_training.data.beir import load_set
from postings_training.data.judgements import pairs_as_set
from postings_training.data.rows import Row
from postings_training.leaks.finder import LeakFinder
from postings_training.leaks.provenance import Source, digest, gaps, lasting_path
from postings_training.recipes.sections import DataSettings
from postings_training.runs.sentences import sentence_rows
from postings_training.runs.source_rows import SPLIT_SEED, NumberedRow, leaks, read_source

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Rows to train on, rows held out, and their sources.

    The columns are ``query``, ``positive``, ``negative_1`` …, and ``label`` if the rows have scores.
    """

    train: Dataset
    held_out: Dataset | None
    sources: tuple[Source, ...]


def load_data(settings: DataSettings) -> TrainingData:
    """Read and check all sources.

    Raises:
        ConfigurationError: no source is named, or held_out or sentences don't fit the rows.
        ReaderError: a file can't be read or is malformed; the message names the line.
        InvalidInput: a column is missing, a source is empty, sources differ in their columns, all rows have the same
            positive or score, or all have a query that is held out.
    """
    try:
        from datasets import Dataset
    except ImportError as error:
        raise MissingExtra("training", "training a model") from error
    if not settings.sources:
        raise ConfigurationError(
            "data.sources is empty: expected JSON Lines files, BEIR folders or hub ids to train on (--data)"
        )
    finders = [LeakFinder(each.judged, each.corpus) for each in map(load_set, settings.leave_out)]
    taken: list[NumberedRow] = []
    counts = []
    for at in range(len(settings.sources)):
        found, count = read_source(at, settings, finders, taken[0].row if taken else None)
        taken += found
        counts.append(count)
    _refuse_one_class(taken)
    if settings.sentences and taken[0].row.negatives:
        raise ConfigurationError("data.sentences can't be used with rows that have negatives")
    held_out = None
    if settings.held_out:
        held_out, taken, finder = _hold_out(taken, settings.held_out)
        finders.append(finder)
    rows = [each.row for each in taken]
    if settings.sentences:
        # A sentence can be a test query even if the whole text isn't.
        more = sentence_rows(rows, settings.sentences, SPLIT_SEED)
        clean = [row for row in more if not leaks(row, finders)]
        _log_left_out(len(more) - len(clean), len(more), "a test query in a sentence")
        rows += clean
    sources = tuple(
        _source(name, settings, count, (each.number for each in taken if each.source == at))
        for at, (name, count) in enumerate(zip(settings.sources, counts, strict=True))
    )
    return TrainingData(Dataset.from_dict(_columns(rows)), held_out, sources)


def _hold_out(taken: Sequence[NumberedRow], number: int) -> tuple[Dataset, list[NumberedRow], LeakFinder]:
    """Draw rows to hold out; returns them, the rows without their queries, and what finds these queries."""
    from datasets import Dataset

    if number >= len(taken):
        raise ConfigurationError(f"data.held_out is {number}, but there are {len(taken)} rows in all")
    places = Dataset.from_dict({"at": range(len(taken))}).train_test_split(number, seed=SPLIT_SEED)
    held_out = Dataset.from_dict(_columns([taken[at].row for at in places["test"]["at"]]))
    measured = pairs_as_set("held_out", held_out["query"], held_out["positive"])
    finder = LeakFinder(measured.judged, measured.corpus)
    others = [taken[at] for at in places["train"]["at"]]
    kept = [each for each in others if not leaks(each.row, [finder])]
    _log_left_out(len(others) - len(kept), len(others), f"a query of the {len(held_out)} held out")
    if not kept:
        raise InvalidInput("no row is left to train on: all hold a query that is held out, or nearly so")
    _refuse_one_class(kept)
    return held_out, kept, finder


def _source(name: str, settings: DataSettings, read: int, used: Iterable[int]) -> Source:
    license = _license(Path(name).expanduser()) or settings.license
    numbers = sorted(used)
    left_out = gaps(numbers, read)
    return Source(lasting_path(name), digest(name, settings.split), len(numbers), license, settings.split, left_out)


def _log_left_out(count: int, of: int, what: str) -> None:
    if count:
        log.info("%d of %d rows are left out: they hold %s, or nearly so", count, of, what)


def _refuse_one_class(taken: Sequence[NumberedRow]) -> None:
    rows = [each.row for each in taken]
    first = rows[0]
    if all(row.positive == first.positive for row in rows):
        raise InvalidInput(f"all {len(rows)} rows have the same positive, so there is nothing to tell apart")
    if first.scores and all(row.scores == first.scores for row in rows) and len(set(first.scores)) == 1:
        raise InvalidInput(f"all scores are {first.scores[0]}, so there is nothing to tell apart")


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {"query": [row.query for row in rows], "positive": [row.positive for row in rows]}
    for number in range(len(rows[0].negatives)):
        columns[f"negative_{number + 1}"] = [row.negatives[number] for row in rows]
    if rows[0].scores:
        columns["label"] = [list(row.scores) if len(row.scores) > 1 else row.scores[0] for row in rows]
    return columns


def _license(folder: Path) -> str:
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        # Data sets write it in American or in British spelling.
        return str(meta.get("license") or meta.get("licence") or "")
    except (OSError, ValueError, AttributeError):
        return ""
