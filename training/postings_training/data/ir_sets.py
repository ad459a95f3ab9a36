"""Corpora, queries and judgements of ir-datasets, as :mod:`postings_training.data.beir` reads them from folders."""

from __future__ import annotations

import os
from collections.abc import Collection

from postings.errors import ReaderError
from postings.ir_dataset import IrDataset
from postings_training.data.judgements import HIGHEST_GRADE, CorpusText


def corpus(source: str | os.PathLike[str], only: Collection[str] | None) -> dict[str, CorpusText]:
    """The documents by id, or those of them that are named.

    Raises:
        ReaderError: as :class:`postings.ir_dataset.IrDataset`, or an id occurs twice.
    """
    found: dict[str, CorpusText] = {}
    for id, title, text in IrDataset(source).documents():
        if only is None or id in only:
            if id in found:
                raise ReaderError(f"{os.fspath(source)}: the document {id!r} occurs twice")
            found[id] = CorpusText(title, text)
    return found


def queries(source: str | os.PathLike[str]) -> dict[str, str]:
    """The texts of queries by id, without empty ones.

    Raises:
        ReaderError: as :class:`postings.ir_dataset.IrDataset`.
    """
    return {each.id: each.text for each in IrDataset(source).queries() if each.text.strip()}


def judgements(source: str | os.PathLike[str]) -> dict[str, dict[str, int]]:
    """The grades of documents by query; of several, the highest.

    Raises:
        ReaderError: as :class:`postings.ir_dataset.IrDataset`, or nothing is judged, or a grade is too high.
    """
    found: dict[str, dict[str, int]] = {}
    for query_id, document_id, grade in IrDataset(source).judgements():
        if grade > HIGHEST_GRADE:
            raise ReaderError(
                f"{os.fspath(source)}: document {document_id!r} has the grade {grade:,} for query {query_id!r}, which "
                f"is too high: expected {HIGHEST_GRADE:,} at most"
            )
        grades = found.setdefault(query_id, {})
        grades[document_id] = max(grade, grades.get(document_id, grade))
    if not found:
        raise ReaderError(f"{os.fspath(source)} holds no judgement")
    return found
