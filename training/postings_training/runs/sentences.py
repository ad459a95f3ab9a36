"""Single sentences as additional passages, for data that have long texts only."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from postings_training.data.resemblance import normalized
from postings_training.data.rows import Row

_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"(])")
_FEWEST, _MOST = 6, 60


def sentence_rows(rows: Sequence[Row], share: float, seed: int) -> list[Row]:
    """Copy a part of the rows, with one sentence of the positive in its place.

    The sentence is the one with most words of the query, relative to its length. It may not answer the query, so such
    rows are for distillation: the teacher scores them.

    Args:
        rows: without negatives.
        share: part of the rows that is drawn; drawn rows with a single sentence are left out.
        seed: of the choice.

    Example:
        >>> rows = [Row("who hunts?", "It is warm in the savanna. There the lion hunts by night. It sleeps by day.")]
        >>> [row.positive for row in sentence_rows(rows, 1, 0)]
        ['There the lion hunts by night.']
    """
    chance = random.Random(seed)  # noqa: S311 - a choice, not a secret
    chosen = [row for row in rows if chance.random() < share]
    return [replace(row, positive=found) for row in chosen if (found := _sentence(row.query, row.positive))]


def _sentence(query: str, text: str) -> str | None:
    sentences = [each for each in _END.split(text) if _FEWEST <= len(each.split()) <= _MOST]
    if len(sentences) < 2:
        return None
    asked = _words(query)
    return max(sentences, key=lambda each: len(asked & _words(each)) / (5 + len(_words(each))) ** 0.5)


def _words(text: str) -> set[str]:
    return set(normalized(text).split())
