"""Judged queries, and the corpus that they are searched in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from postings.errors import ReaderError

HIGHEST_GRADE = 10_000
"""A higher grade is refused: what measures a run takes memory for each grade that there may be."""

Judgements: TypeAlias = Mapping[str, Mapping[str, int]]
"""The grade of each judged document, 0 for irrelevant: ``{query id: {document id: grade}}``."""


_GRADE = re.compile(r"-?[0-9]{1,9}")


def grade_of(written: str, place: str) -> int | None:
    """Read a grade; ``None`` if it isn't an integer.

    Raises:
        ReaderError: it is above :data:`HIGHEST_GRADE`; the message begins with the place.

    Example:
        >>> grade_of("2", "qrels.txt:1"), grade_of("0.5", "qrels.txt:1")
        (2, None)
    """
    grade = int(written) if _GRADE.fullmatch(written) else None
    if grade is not None and grade > HIGHEST_GRADE:
        raise ReaderError(f"{place}: the grade {grade:,} is too high: expected {HIGHEST_GRADE:,} at most")
    return grade


@dataclass(frozen=True, slots=True)
class JudgedQueries:
    """The queries of one split and their judgements, by the same ids."""

    queries: Mapping[str, str]
    judgements: Judgements

    def without(self, query_ids: Iterable[str]) -> JudgedQueries:
        """Leave these queries and their judgements out."""
        left_out = frozenset(query_ids)
        return JudgedQueries(
            {query_id: text for query_id, text in self.queries.items() if query_id not in left_out},
            {query_id: grades for query_id, grades in self.judgements.items() if query_id not in left_out},
        )

    def answered(self) -> JudgedQueries:
        """Keep the queries that a document is judged relevant to: for others, every ranking is as good."""
        return self.without(
            id for id, grades in self.judgements.items() if not any(each > 0 for each in grades.values())
        )

    def first(self, number: int) -> JudgedQueries:
        """Keep the first ``number`` queries and their judgements."""
        return self.without(list(self.queries)[number:])


class CorpusText(NamedTuple):
    """A document of a corpus."""

    title: str
    text: str

    @property
    def whole(self) -> str:
        """Title and text."""
        return f"{self.title} {self.text}".strip()


@dataclass(frozen=True, slots=True)
class BeirSet:
    """A BEIR folder: its ``name``, the corpus by id, and the judged queries of one split."""

    name: str
    corpus: Mapping[str, CorpusText]
    judged: JudgedQueries


def pairs_as_set(name: str, queries: Iterable[str], positives: Iterable[str]) -> BeirSet:
    """Make a set of pairs: each distinct positive is a document, relevant to the queries that it is paired with.

    Example:
        >>> pairs_as_set("held_out", ["a?", "b?", "a?"], ["x", "y", "y"]).judged.judgements
        {'a?': {'x': 1, 'y': 1}, 'b?': {'y': 1}}
    """
    positives = list(positives)
    judgements: dict[str, dict[str, int]] = {}
    for query, positive in zip(queries, positives, strict=True):
        judgements.setdefault(query, {})[positive] = 1
    judged = JudgedQueries({text: text for text in judgements}, judgements)
    return BeirSet(name, {text: CorpusText("", text) for text in positives}, judged)
