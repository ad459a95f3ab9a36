"""Rows to train on: a query, a text that answers it, and optionally texts that don't, and a teacher's scores."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postings.arguments import check_unicode
from postings.errors import InvalidInput, ReaderError
from postings.ir_dataset import is_ir_dataset
from postings_training.data.beir import load_beir, load_corpus, set_name
from postings_training.data.hub_data import load_hub
from postings_training.data.jsonl import records

_QUERY = ("query", "anchor", "question")
_POSITIVE = ("positive", "answer", "document", "passage")
_NEGATIVES = ("negatives", "negative")
_NUMBER = re.compile(r"[0-9]{1,9}")
_SCORES = ("scores", "score", "labels", "label")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of training data.

    Attributes:
        query: the question.
        positive: a text that answers it.
        negatives: texts that don't.
        scores: a teacher's, of the positive and each negative; or its margins, one for each negative.
        source: name of the data set that the positive's document belongs to, or empty.
        doc_id: id of this document there, or empty.
    """

    query: str
    positive: str
    negatives: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    source: str = ""
    doc_id: str = ""


def row_of(record: Any, place: str) -> Row:
    """Read a record with the fields query and positive, and optionally negative or negatives, and scores.

    A query may also be called ``anchor`` or ``question``; a positive ``answer``, ``document`` or ``passage``; negatives
    ``negative_1`` and so on; scores ``score``, ``label`` or ``labels``. ``source`` and ``doc_id`` name the positive's
    document. Other fields are ignored.

    Raises:
        InvalidInput: a field is missing, isn't a text or a finite number, or isn't valid Unicode; the message names the
            place and the field.

    Example:
        >>> row_of({"question": "what hunts?", "answer": "a lion", "doc_id": 7}, "pairs.jsonl:1")
        Row(query='what hunts?', positive='a lion', negatives=(), scores=(), source='', doc_id='7')
    """
    if not isinstance(record, Mapping):
        raise InvalidInput(f"{place}: expected an object with query and positive, got {str(record)[:100]}")
    query, positive = (_text(record, names, place) for names in (_QUERY, _POSITIVE))
    source, doc_id = (
        "" if record.get(name) is None else _unicode(str(record[name]), place, name) for name in ("source", "doc_id")
    )
    return Row(query, positive, tuple(_negatives(record, place)), tuple(_scores(record, place)), source, doc_id)


def read_rows(source: str | os.PathLike[str], split: str = "train") -> Iterator[tuple[str, Row]]:
    """Stream rows, each with its place (file and line), which error messages name.

    Args:
        source: a JSON Lines file whose lines :func:`row_of` can read; a BEIR folder or ``ir-datasets:ID``, of which
            each query is paired with each document judged relevant to it; or the id of a data set on the hub.
        split: of a BEIR folder or of a data set on the hub.

    Raises:
        ReaderError: the source doesn't exist, can't be read or is malformed; the message names the line.
        InvalidInput: a row is malformed, see :func:`row_of`, or there is none.

    Example:
        >>> (folder.parent / "pairs.jsonl").write_text('{"query": "fast cat", "positive": "A cheetah."}')
        47
        >>> [row.positive for _, row in read_rows(folder.parent / "pairs.jsonl")]
        ['A cheetah.']
    """
    path = Path(source).expanduser()
    count = 0
    judged = path.is_dir() or is_ir_dataset(path)
    for found in _of_folder(path, split) if judged else _of_records(path, os.fspath(source), split):
        count += 1
        yield found
    if not count:
        raise InvalidInput(f"{source} holds no row to train on")


def _of_records(path: Path, name: str, split: str) -> Iterator[tuple[str, Row]]:
    if path.exists():
        found: Iterator[tuple[str, Any]] = ((f"{path}:{number}", record) for number, _, record in records(path))
    else:
        found = ((f"{name} ({split}) row {number}", record) for number, record in enumerate(load_hub(name, split), 1))
    for place, record in found:
        yield place, row_of(record, place)


def _of_folder(folder: Path, split: str) -> Iterator[tuple[str, Row]]:
    judged = load_beir(folder, split)
    relevant = [
        (query, document)
        for query, grades in judged.judgements.items()
        for document, grade in grades.items()
        if grade > 0
    ]
    place = str(folder if is_ir_dataset(folder) else folder / "qrels" / f"{split}.tsv")
    if not relevant:
        raise InvalidInput(f"{place} judges no document relevant (a grade above 0): there is nothing to train on")
    corpus = load_corpus(folder, only={document for _, document in relevant})
    for query, document in relevant:
        if document not in corpus:
            raise ReaderError(f"{place} judges the document {document!r}, which the corpus of {folder} doesn't have")
        if text := corpus[document].whole:
            at = f"{place} ({query}, {document})"
            asked = _unicode(judged.queries[query], at, "query")
            yield at, Row(asked, _unicode(text, at, "document"), source=set_name(folder), doc_id=document)


def _text(record: Mapping[str, Any], names: tuple[str, ...], place: str) -> str:
    for name in names:
        if name in record:
            return _checked(record[name], place, name)
    present = ", ".join(map(str, record)) or "nothing"
    raise InvalidInput(f"{place}: there is no {names[0]!r} (nor {', '.join(names[1:])}), only {present}")


def _negatives(record: Mapping[str, Any], place: str) -> Iterator[str]:
    for name in sorted((name for name in record if str(name).startswith("negative")), key=_number):
        stem, _, number = str(name).partition("_")
        if stem not in _NEGATIVES or (number and not _NUMBER.fullmatch(number)):
            continue
        value = record[name]
        for text in value if isinstance(value, list) else [value]:
            yield _checked(text, place, str(name))


def _number(name: str) -> int:
    number = name.rpartition("_")[2]
    return int(number) if _NUMBER.fullmatch(number) else 0


def _scores(record: Mapping[str, Any], place: str) -> Iterator[float]:
    for name in _SCORES:
        value = record.get(name)
        if value is None:
            continue
        for score in value if isinstance(value, list) else [value]:
            # An integer may be larger than any float.
            if isinstance(score, bool) or not isinstance(score, int | float) or not abs(score) <= sys.float_info.max:
                raise InvalidInput(f"{place}: {name!r} holds {score!r:.100}, expected finite numbers")
            yield float(score)
        return


def _checked(value: Any, place: str, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{place}: {name!r} must be a non-empty string, got {value!r:.100}")
    return _unicode(value, place, name)


def _unicode(text: str, place: str, name: str) -> str:
    check_unicode(f"{place}: {name!r}", text, InvalidInput)  # JSON can hold half of a pair, as an escape
    return text
