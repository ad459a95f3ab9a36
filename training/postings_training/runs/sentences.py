"""Sentences as passages of their own: short texts to train on, where the data have long ones alone."""

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
    """A part of the rows once more, with a sentence of the positive in its place.

    The sentence is the one that has most words of the query for its length. Whether it answers is for a teacher to
    say: such rows are for distillation.

    Args:
        rows: without negatives.
        share: of the rows that are drawn; of these, the ones whose positive is a single sentence give none.
        seed: of the choice.

    Example:
        >>> rows = [Row("who hunts?", "It is warm in the savanna. There the lion hunts by night. It sleeps by day.")]
        >>> [row.positive for row in sentence_rows(rows, 1, 0)]
        ['There the lion hunts by night.']
    """
    chance = random.Random(seed)  # noqa: S311 - a choice, no secret
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
