"""The rows of one source that are trained on."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from postings.errors import InvalidInput
from postings_training.data.rows import Row, read_rows
from postings_training.leaks.finder import LeakFinder
from postings_training.recipes.sections import DataSettings

log = logging.getLogger(__name__)

SPLIT_SEED = 12
"""Seed of all choices of rows, the one that sentence-transformers' examples split by."""


class NumberedRow(NamedTuple):
    """A row, its number in its source from 1, and the position of the source among the recipe's."""

    source: int
    number: int
    row: Row


def read_source(
    source: int, settings: DataSettings, finders: Sequence[LeakFinder], first: Row | None
) -> tuple[list[NumberedRow], int]:
    """Read the rows of a source that are trained on.

    Args:
        source: its position in ``settings.sources``.
        settings: how many rows, how many negatives.
        finders: rows in which one of these finds a leak are left out.
        first: a row of an earlier source, whose number of negatives and scores all rows must have.

    Returns:
        The rows, and how many were read.

    Raises:
        ReaderError: the source can't be read.
        InvalidInput: a row is malformed or of another shape, or none is left.
    """
    name = settings.sources[source]
    taken: list[NumberedRow] = []
    left_out = read = 0
    for read, (place, row) in enumerate(islice(read_rows(name, settings.split), settings.rows), 1):
        kept = _cut(row, settings.negatives)
        leaking = leaks(row, finders)
        left_out += leaking
        if kept is None or leaking:
            continue
        found, shape = ((len(each.negatives), len(each.scores)) for each in (kept, first or kept))
        if found != shape:
            raise InvalidInput(
                f"{place} has {found[0]} negatives and {found[1]} scores, the rows before {shape[0]} and {shape[1]}: "
                "all must be alike (data.negatives cuts them to a number)"
            )
        if kept.positive in kept.negatives:
            raise InvalidInput(f"{place}: a negative of {kept.query!r:.100} is its positive, too")
        first = first or kept
        taken.append(NumberedRow(source, read, kept))
    if finders:
        sets = ", ".join(settings.leave_out)
        log.info(
            "%s: %d of %d rows are left out: they hold a test query of %s, or nearly so", name, left_out, read, sets
        )
    if not taken:
        raise InvalidInput(f"{name} holds no row to train on")
    if settings.sample is not None and len(taken) > settings.sample:
        chance = random.Random(SPLIT_SEED)  # noqa: S311 - a choice, no secret
        taken = [taken[at] for at in sorted(chance.sample(range(len(taken)), settings.sample))]
    return taken, read


def leaks(row: Row, finders: Sequence[LeakFinder]) -> bool:
    """Whether any of the finders finds a judged query in a row."""
    return any(next(finder.find(row), None) for finder in finders)


def _cut(row: Row, negatives: int | None) -> Row | None:
    if negatives is None:
        return row
    if len(row.negatives) < negatives:
        return None
    spare = len(row.negatives) - negatives
    return replace(row, negatives=row.negatives[:negatives], scores=row.scores[: len(row.scores) - spare])
