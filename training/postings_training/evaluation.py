"""How good is a ranking: queries and judgements in BEIR's format, and nDCG, MRR and recall of a run over them.

BEIR: Thakur et al. 2021, https://arxiv.org/abs/2104.08663; ir-measures: https://ir-measur.es
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from postings.errors import InvalidInput, MissingExtra, ReaderError

Judgements: TypeAlias = Mapping[str, Mapping[str, int]]
"""The grade of each judged document, 0 for irrelevant: ``{query id: {document id: grade}}``."""

Run: TypeAlias = Mapping[str, Mapping[str, float]]
"""What a search found, higher scores first: ``{query id: {document id: score}}``."""

_COLUMNS = ["query-id", "corpus-id", "score"]
_GRADE = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class JudgedQueries:
    """The queries of one split and their judgements, under the same ids."""

    queries: Mapping[str, str]
    judgements: Judgements


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over the judged ``queries``, each in 0..1, higher is better.

    Attributes:
        ndcg_at_10: normalised discounted cumulative gain of the first 10, a document's gain being its grade.
        mrr_at_10: the reciprocal rank of the first relevant document, 0 if it isn't among the first 10.
        recall_at_100: the part of the relevant documents that is among the first 100.
        queries: how many there were.
    """

    ndcg_at_10: float
    mrr_at_10: float
    recall_at_100: float
    queries: int


def load_beir(folder: str | os.PathLike[str], split: str = "test") -> JudgedQueries:
    """Read the judged queries of a BEIR folder.

    Args:
        folder: holds ``queries.jsonl`` and ``qrels/<split>.tsv``.
        split: ``test``, ``dev``, ``train`` or whatever else ``qrels`` holds; queries of other splits are left out.

    Raises:
        ReaderError: a file can't be read or is malformed, or a judged query isn't among the queries.
    """
    queries, judgements = load_queries(folder), load_judgements(folder, split)
    if missing := [query_id for query_id in judgements if query_id not in queries]:
        raise ReaderError(
            f"{_qrels(folder, split)} judges {len(missing)} queries that {_queries(folder)} doesn't have, "
            f"such as {missing[0]!r}"
        )
    return JudgedQueries({query_id: queries[query_id] for query_id in judgements}, judgements)


def load_queries(folder: str | os.PathLike[str]) -> dict[str, str]:
    """Read ``queries.jsonl``, an object with ``_id`` and ``text`` a line; returns texts by id, in the file's order.

    Raises:
        ReaderError: the file can't be read, or a line is malformed; the message names the line.
    """
    path = _queries(folder)
    queries: dict[str, str] = {}
    for number, line in _lines(path):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ReaderError(f"{path}:{number}: not JSON: {error}") from error
        match record:
            case {"_id": str(query_id), "text": str(text)} if query_id and text.strip():
                pass
            case _:
                raise ReaderError(
                    f"{path}:{number}: expected an object with the strings _id and text, neither empty, got {line:.200}"
                )
        if query_id in queries:
            raise ReaderError(f"{path}:{number}: the query {query_id!r} stands there twice")
        queries[query_id] = text
    return queries


def load_judgements(folder: str | os.PathLike[str], split: str = "test") -> dict[str, dict[str, int]]:
    """Read ``qrels/<split>.tsv``: a header, then query id, document id and grade a line.

    Raises:
        ReaderError: the file can't be read or holds no judgement, or a line is malformed; the message names the line.
    """
    path = _qrels(folder, split)
    lines = _lines(path)
    number, header = next(lines, (1, ""))
    if header.split("\t") != _COLUMNS:
        raise ReaderError(f"{path}:{number}: expected the header {'<tab>'.join(_COLUMNS)}, got {header!r:.200}")
    judgements: dict[str, dict[str, int]] = {}
    for number, line in lines:
        query_id, document_id, grade = _judgement(line, f"{path}:{number}")
        grades = judgements.setdefault(query_id, {})
        if grades.setdefault(document_id, grade) != grade:
            raise ReaderError(
                f"{path}:{number}: document {document_id!r} has the grades {grades[document_id]} and {grade} "
                f"for query {query_id!r}"
            )
    if not judgements:
        raise ReaderError(f"{path} holds no judgement")
    return judgements


def evaluate(run: Run, judgements: Judgements) -> Quality:
    """Measure a run with ir-measures.

    Every judged query counts: one that the run lacks has found nothing. Queries without judgements are left out.
    Documents with equal scores rank by id, ascending, in all measures.

    Args:
        run: at least 100 documents a query where there are as many, or the recall is too low.
        judgements: documents that aren't judged are irrelevant.

    Raises:
        InvalidInput: a score is NaN or infinite, or there are no judgements.
        MissingExtra: ir-measures isn't installed.

    Example:
        >>> evaluate({"q": {"a": 2.0, "b": 1.0}}, {"q": {"b": 1}}).mrr_at_10
        0.5
    """
    try:
        from ir_measures import RR, R, calc_aggregate, nDCG
    except ImportError as error:
        raise MissingExtra("training", "measuring a run") from error
    if not judgements:
        raise InvalidInput("there are no judgements to measure a run by")
    ranked = {query_id: _ranked(query_id, scores) for query_id, scores in run.items() if query_id in judgements}
    grades = {query_id: dict(graded) for query_id, graded in judgements.items()}
    means = calc_aggregate([nDCG @ 10, RR @ 10, R @ 100], grades, ranked)
    return Quality(float(means[nDCG @ 10]), float(means[RR @ 10]), float(means[R @ 100]), len(judgements))


def _ranked(query_id: str, scores: Mapping[str, float]) -> dict[str, float]:
    # ir-measures' tools break ties each in its own way and compare as float32: ranks leave them nothing to decide.
    for document_id, score in scores.items():
        if not math.isfinite(score):
            raise InvalidInput(f"document {document_id!r} has the score {score} for query {query_id!r}")
    order = sorted(scores, key=lambda document_id: (-scores[document_id], document_id))
    return {document_id: -float(rank) for rank, document_id in enumerate(order)}


def _judgement(line: str, place: str) -> tuple[str, str, int]:
    match line.split("\t"):
        case [query_id, document_id, grade] if query_id and document_id and _GRADE.fullmatch(grade):
            return query_id, document_id, int(grade)
    raise ReaderError(f"{place}: expected query id, document id and whole grade with tabs between, got {line!r:.200}")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that aren't blank, numbered from 1."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    text = line.decode("utf-8-sig").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise ReaderError(
                        f"{path}:{number}: invalid UTF-8: byte 0x{line[error.start]:02x} at position {error.start}"
                    ) from error
                if text.strip():
                    yield number, text
    except OSError as error:
        raise ReaderError(f"{path} can't be read: {error.strerror or error}") from error


def _queries(folder: str | os.PathLike[str]) -> Path:
    return Path(folder) / "queries.jsonl"


def _qrels(folder: str | os.PathLike[str], split: str) -> Path:
    return Path(folder) / "qrels" / f"{split}.tsv"
