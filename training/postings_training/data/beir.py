"""Reading BEIR folders: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/<split>.tsv``; or the same of ir-datasets.

Where a folder is expected, ``ir-datasets:beir/nfcorpus/test`` is a data set of that library; its id names the split.

BEIR: Thakur et al. 2021, https://arxiv.org/abs/2104.08663
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from postings.errors import ReaderError
from postings.ir_dataset import IrDataset, is_ir_dataset
from postings_training.data import ir_sets
from postings_training.data.jsonl import lines, records
from postings_training.data.judgements import BeirSet, CorpusText, JudgedQueries, grade_of
from postings_training.data.trec import read_qrels

_COLUMNS = ["query-id", "corpus-id", "score"]


def load_set(folder: str | os.PathLike[str], split: str = "test", qrels: Path | None = None) -> BeirSet:
    """Read a BEIR folder with its corpus.

    Args:
        folder: as :func:`load_beir` takes it.
        split: as :func:`load_beir` takes it.
        qrels: a file in TREC's format with the judgements, instead of the folder's own.

    Raises:
        ReaderError: as :func:`load_beir` and :func:`load_corpus`, or a judged document isn't in the corpus.

    Example:
        >>> scifact = load_set("beir/scifact")  # doctest: +SKIP
    """
    judged, corpus = load_beir(folder, split, qrels), load_corpus(folder)
    judged_ids = dict.fromkeys(document_id for grades in judged.judgements.values() for document_id in grades)
    if missing := [document_id for document_id in judged_ids if document_id not in corpus]:
        raise ReaderError(
            f"{qrels or _qrels(folder, split)} judges {len(missing)} documents that {_corpus(folder)} doesn't have, "
            f"such as {missing[0]!r}"
        )
    return BeirSet(set_name(folder), corpus, judged)


def set_name(folder: str | os.PathLike[str]) -> str:
    """The name of a folder, or the id of a data set."""
    return IrDataset(folder).id if is_ir_dataset(folder) else Path(folder).resolve().name


def load_corpus(folder: str | os.PathLike[str], only: Collection[str] | None = None) -> dict[str, CorpusText]:
    """Read ``corpus.jsonl``: an object with ``_id``, ``text`` and usually ``title`` on each line.

    Text and title may be empty.

    Args:
        folder: holds it.
        only: ids of the documents to keep; for a corpus that doesn't fit into memory.

    Raises:
        ReaderError: the file can't be read or holds no document, or a line is malformed; the message names the line.
    """
    if is_ir_dataset(folder):
        return ir_sets.corpus(folder, only)
    path = _corpus(folder)
    corpus: dict[str, CorpusText] = {}
    for number, line, record in _records(path):
        match record:
            case {"_id": str(document_id), "text": str(text)} if document_id:
                title = record.get("title") or ""
            case _:
                title = None
        if not isinstance(title, str):
            raise ReaderError(f"{path}:{number}: expected an object with the strings _id and text, got {line:.200}")
        if only is not None and document_id not in only:
            continue
        if document_id in corpus:
            raise ReaderError(f"{path}:{number}: the document {document_id!r} occurs twice")
        corpus[document_id] = CorpusText(title, text)
    if not corpus and only is None:
        raise ReaderError(f"{path} holds no document")
    return corpus


def load_beir(folder: str | os.PathLike[str], split: str = "test", qrels: Path | None = None) -> JudgedQueries:
    """Read the judged queries of a BEIR folder.

    Args:
        folder: holds ``queries.jsonl`` and ``qrels/<split>.tsv``.
        split: ``test``, ``dev``, ``train`` or another file of ``qrels``; queries of other splits are left out.
        qrels: a file in TREC's format with the judgements, instead of the folder's own.

    Raises:
        ReaderError: a file can't be read or is malformed, or a judged query isn't among the queries.
    """
    queries = load_queries(folder)
    judgements = load_judgements(folder, split) if qrels is None else read_qrels(qrels)
    if missing := [query_id for query_id in judgements if query_id not in queries]:
        raise ReaderError(
            f"{qrels or _qrels(folder, split)} judges {len(missing)} queries that {_queries(folder)} doesn't have, "
            f"such as {missing[0]!r}"
        )
    return JudgedQueries({query_id: queries[query_id] for query_id in judgements}, judgements)


def load_queries(folder: str | os.PathLike[str]) -> dict[str, str]:
    """Read ``queries.jsonl``: an object with ``_id`` and ``text`` on each line.

    Returns:
        Texts by id, in the order of the file.

    Raises:
        ReaderError: the file can't be read, or a line is malformed; the message names the line.
    """
    if is_ir_dataset(folder):
        return ir_sets.queries(folder)
    path = _queries(folder)
    queries: dict[str, str] = {}
    for number, line, record in _records(path):
        match record:
            case {"_id": str(query_id), "text": str(text)} if query_id and text.strip():
                pass
            case _:
                raise ReaderError(
                    f"{path}:{number}: expected an object with the strings _id and text, neither empty, got {line:.200}"
                )
        if query_id in queries:
            raise ReaderError(f"{path}:{number}: the query {query_id!r} occurs twice")
        queries[query_id] = text
    return queries


def load_judgements(folder: str | os.PathLike[str], split: str = "test") -> dict[str, dict[str, int]]:
    """Read ``qrels/<split>.tsv``: a header, then a query id, a document id and a grade on each line.

    Raises:
        ReaderError: the file can't be read or holds no judgement, a line is malformed, or a grade is too high; the
            message names the line.
    """
    if is_ir_dataset(folder):
        return ir_sets.judgements(folder)
    path = _qrels(folder, split)
    rows = lines(path)
    number, header = next(rows, (1, ""))
    if header.split("\t") != _COLUMNS:
        raise ReaderError(f"{path}:{number}: expected the header {'<tab>'.join(_COLUMNS)}, got {header!r:.200}")
    judgements: dict[str, dict[str, int]] = {}
    for number, line in rows:
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


def _judgement(line: str, place: str) -> tuple[str, str, int]:
    match line.split("\t"):
        case [query_id, document_id, written] if query_id and document_id:
            if (grade := grade_of(written, place)) is not None:
                return query_id, document_id, grade
    raise ReaderError(f"{place}: expected query id, document id and integer grade, tab-separated, got {line!r:.200}")


def _records(path: Path) -> Iterator[tuple[int, str, Any]]:
    if not path.exists():
        raise ReaderError(f"{path.parent} isn't a BEIR folder: it has no {path.name}")
    return records(path)


def _corpus(folder: str | os.PathLike[str]) -> Path:
    return _part(folder, "corpus.jsonl")


def _queries(folder: str | os.PathLike[str]) -> Path:
    return _part(folder, "queries.jsonl")


def _qrels(folder: str | os.PathLike[str], split: str) -> Path:
    return _part(folder, f"qrels/{split}.tsv")


def _part(folder: str | os.PathLike[str], file: str) -> Path:
    return Path(folder) if is_ir_dataset(folder) else Path(folder) / file
