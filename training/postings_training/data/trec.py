"""TREC's files: runs, which hold what a system found, and qrels, which hold judgements.

A line of a run has six fields: query id, ``Q0``, document id, rank, score and the system's name. A line of qrels has
four: query id, ``0``, document id and grade. Whitespace separates them, so no id can hold any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from postings.errors import InvalidInput, ReaderError
from postings_training.data.jsonl import lines
from postings_training.data.judgements import grade_of

_BETWEEN = re.compile(r"[ \t\v\f\r]+")  # as trec_eval: other whitespace of Unicode is a part of ids
_ID = re.compile(r"(?!\ufeff)[^\0\t-\r \ud800-\udfff]+")
_SCORE = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_READABLE = float(np.finfo(np.float32).max)
_WRITABLE = 1e38  # a step smaller is finite, too


def read_run(path: Path) -> dict[str, dict[str, float]]:
    r"""Read a run, which may be compressed as ``.gz``: the scores of documents by query, as the file orders them.

    Ranks are ignored, as trec_eval does.

    Raises:
        ReaderError: the file can't be read or holds no result, a line is malformed, or a document occurs twice for a
            query; the message names the line.

    Example:
        >>> (folder.parent / "bm25.trec").write_text("q1 Q0 cheetah 1 7.5 bm25\n")
        25
        >>> read_run(folder.parent / "bm25.trec")
        {'q1': {'cheetah': 7.5}}
    """
    run: dict[str, dict[str, float]] = {}
    for number, line in lines(path):
        match _fields(line):
            case [query_id, _, document_id, _, score, _] if _SCORE.fullmatch(score) and abs(float(score)) <= _READABLE:
                scores = run.setdefault(query_id, {})
            case _:
                raise ReaderError(
                    f"{path}:{number}: expected query id, Q0, document id, rank, score (a finite number) and a name, "
                    f"got {line!r:.200}"
                )
        if document_id in scores:
            raise ReaderError(f"{path}:{number}: document {document_id!r} occurs twice for query {query_id!r}")
        scores[document_id] = float(score)
    if not run:
        raise ReaderError(f"{path} holds no result")
    return run


def run_lines(run: Mapping[str, Mapping[str, float]], name: str) -> Iterator[str]:
    r"""The lines of a run, with scores as :func:`untied` makes them.

    Args:
        run: scores of documents by query.
        name: of the system; whitespace in it becomes ``_``.

    Raises:
        InvalidInput: as :func:`check_ids` and :func:`untied`.

    Example:
        >>> list(run_lines({"q1": {"lion": 1.5, "cheetah": 7.5}}, "tiny"))
        ['q1 Q0 cheetah 1 7.5 tiny\n', 'q1 Q0 lion 2 1.5 tiny\n']
    """
    tag = re.sub(r"[\0\s\ud800-\udfff]+", "_", name) or "_"
    for query_id, scores in run.items():
        check_ids([query_id], scores)
        for rank, (document_id, score) in enumerate(untied(scores).items(), 1):
            yield f"{query_id} Q0 {document_id} {rank} {score!r} {tag}\n"


def untied(scores: Mapping[str, float]) -> dict[str, float]:
    """The scores of documents, the best first and of equal ones the lower id, so that all tools rank them alike.

    trec_eval, and what is built on it, compares in float32 and orders equal scores by id, descending. So a score that
    float32 can't tell from the one above becomes the next smaller number. Others stay as they are.

    Raises:
        InvalidInput: a score isn't a number, or is beyond float32's.

    Example:
        >>> untied({"lion": 1.5, "cheetah": 1.5, "ant": 0.25})
        {'cheetah': 1.5, 'lion': 1.4999998807907104, 'ant': 0.25}
    """
    for document_id, score in scores.items():
        if not abs(score) <= _WRITABLE:
            raise InvalidInput(f"document {document_id!r} has the score {score}: expected {-_WRITABLE} to {_WRITABLE}")
    ordered: dict[str, float] = {}
    above = np.float32(np.inf)
    for document_id in sorted(scores, key=lambda document_id: (-scores[document_id], document_id)):
        score = float(scores[document_id])
        if np.float32(score) >= above:
            score = float(np.nextafter(above, np.float32(-np.inf)))
        above = np.float32(score)
        ordered[document_id] = score
    return ordered


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    r"""Read qrels, which may be compressed as ``.gz``: the grades of documents by query.

    Raises:
        ReaderError: the file can't be read or holds no judgement, a line is malformed, a grade is too high, or a
            document has two grades for a query; the message names the line.

    Example:
        >>> (folder.parent / "qrels.txt").write_text("q1 0 cheetah 2\n")
        15
        >>> read_qrels(folder.parent / "qrels.txt")
        {'q1': {'cheetah': 2}}
    """
    judgements: dict[str, dict[str, int]] = {}
    for number, line in lines(path):
        match _fields(line):
            case [query_id, _, document_id, written] if (grade := grade_of(written, f"{path}:{number}")) is not None:
                grades = judgements.setdefault(query_id, {})
            case _:
                raise ReaderError(
                    f"{path}:{number}: expected query id, 0, document id and integer grade, got {line!r:.200}"
                )
        if grades.setdefault(document_id, grade) != grade:
            raise ReaderError(
                f"{path}:{number}: document {document_id!r} has the grades {grades[document_id]} and {grade} "
                f"for query {query_id!r}"
            )
    if not judgements:
        raise ReaderError(f"{path} holds no judgement")
    return judgements


def _fields(line: str) -> list[str]:
    return _BETWEEN.split(line.strip(" \t\v\f\r"))


def check_ids(query_ids: Iterable[str], document_ids: Iterable[str]) -> None:
    """Check that a run can hold them.

    Raises:
        InvalidInput: an id is empty, holds whitespace of ASCII or a NUL, or begins with a byte order mark.
    """
    for what, ids in (("query", query_ids), ("document", document_ids)):
        for id in ids:
            if not _ID.fullmatch(id):
                raise InvalidInput(
                    f"a TREC run can't hold the {what} id {id!r:.200}: expected no whitespace, no NUL and at least a "
                    "character"
                )
