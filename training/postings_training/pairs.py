"""Training pairs: a query and a text that answers it, from JSON Lines or from a BEIR folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from postings.errors import ReaderError
from postings_training.evaluation.beir import load_beir, load_corpus
from postings_training.streams import records


class Pair(NamedTuple):
    """A query and its positive; ``source`` and ``doc_id`` name the document that the positive is, or are empty."""

    query: str
    positive: str
    source: str = ""
    doc_id: str = ""


def read_pairs(path: str | os.PathLike[str], split: str = "train") -> Iterator[Pair]:
    """Read pairs as a stream.

    Args:
        path: JSON Lines, an object with ``query`` and ``positive`` a line (``source`` and ``doc_id`` are read where
            they are there, other fields aren't), or a BEIR folder: each relevant document of each judged query.
        split: of a BEIR folder.

    Raises:
        ReaderError: the path can't be read or holds no pair, or a line is malformed; the message names the line.

    Example:
        >>> (folder.parent / "pairs.jsonl").write_text('{"query": "fast cat", "positive": "A cheetah."}')
        47
        >>> list(read_pairs(folder.parent / "pairs.jsonl"))
        [Pair(query='fast cat', positive='A cheetah.', source='', doc_id='')]
    """
    place = Path(path)
    count = 0
    for pair in _of_folder(place, split) if place.is_dir() else _of_file(place):
        count += 1
        yield pair
    if not count:
        raise ReaderError(f"{place} holds no pair")


def _of_file(path: Path) -> Iterator[Pair]:
    for number, line, record in records(path):
        match record:
            case {"query": str(query), "positive": str(positive)} if query.strip() and positive.strip():
                yield Pair(query, positive, _name(record, "source"), _name(record, "doc_id"))
            case _:
                raise ReaderError(
                    f"{path}:{number}: expected an object with the strings query and positive, neither empty, "
                    f"got {line:.200}"
                )


def _of_folder(folder: Path, split: str) -> Iterator[Pair]:
    judged, corpus = load_beir(folder, split), load_corpus(folder)
    for query_id, grades in judged.judgements.items():
        for document_id, grade in grades.items():
            if grade <= 0:
                continue
            if document_id not in corpus:
                raise ReaderError(
                    f"{folder}: query {query_id!r} of {split} is answered by {document_id!r}, which isn't in the corpus"
                )
            positive = corpus[document_id].whole
            if positive:
                yield Pair(judged.queries[query_id], positive, folder.resolve().name, document_id)


def _name(record: dict[str, Any], field: str) -> str:
    value = record.get(field)
    return "" if value is None else str(value)
