"""Rows to train on: a query, a text that answers it, texts that don't, and perhaps a teacher's scores."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postings.errors import InvalidInput, ReaderError
from postings_training.evaluation import load_beir

_QUERY = ("query", "anchor", "question")
_POSITIVE = ("positive", "answer", "document", "passage")
_NEGATIVES = ("negatives", "negative")
_SCORES = ("scores", "score", "labels", "label")


@dataclass(frozen=True, slots=True)
class Row:
    """What one step compares.

    Attributes:
        query: what is asked.
        positive: a text that answers it.
        negatives: texts that don't.
        scores: a teacher's, of the positive and each negative; or its margins, one for each negative.
    """

    query: str
    positive: str
    negatives: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()


def row_of(record: Any, place: str) -> Row:
    """Read a record with the fields query, positive, and if you like negative or negatives, and scores.

    ``anchor`` and ``question`` are queries too; ``answer``, ``document`` and ``passage`` positives; ``negative_1`` and
    so on negatives; ``score``, ``label`` and ``labels`` scores. Other fields are left alone.

    Raises:
        InvalidInput: a field is missing or isn't a text or a finite number; the message names the place and the field.

    Example:
        >>> row_of({"question": "what hunts?", "answer": "a lion", "id": 7}, "pairs.jsonl:1")
        Row(query='what hunts?', positive='a lion', negatives=(), scores=())
    """
    if not isinstance(record, Mapping):
        raise InvalidInput(f"{place}: expected an object with query and positive, got {str(record)[:100]}")
    query, positive = (_text(record, names, place) for names in (_QUERY, _POSITIVE))
    return Row(query, positive, tuple(_negatives(record, place)), tuple(_scores(record, place)))


def read_jsonl(path: Path) -> Iterator[tuple[str, Row]]:
    """The rows of a JSON Lines file, one by one, with their places.

    Raises:
        ReaderError: the file can't be read, or a line isn't JSON; the message names the line.
        InvalidInput: as :func:`row_of`.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                place = f"{path}:{number}"
                if not line.strip():
                    continue
                try:
                    record = json.loads(line.decode("utf-8-sig"))
                except (ValueError, RecursionError) as error:
                    raise ReaderError(f"{place}: not JSON: {error}") from error
                yield place, row_of(record, place)
    except OSError as error:
        raise ReaderError(f"{path} can't be read: {error.strerror or error}") from error


def read_beir(folder: Path, split: str) -> Iterator[tuple[str, Row]]:
    """Each query of a BEIR folder's split with each document that is judged relevant to it, title before text.

    Raises:
        ReaderError: a file can't be read or is malformed, or a relevant document isn't there.
        InvalidInput: no document is judged relevant.
    """
    judged = load_beir(folder, split)
    relevant = [
        (query, document)
        for query, grades in judged.judgements.items()
        for document, grade in grades.items()
        if grade > 0
    ]
    place = str(folder / "qrels" / f"{split}.tsv")
    if not relevant:
        raise InvalidInput(f"{place} judges no document relevant (a grade above 0): there is one class only")
    wanted = {document for _, document in relevant}
    texts = {document: text for document, text in read_corpus(folder) if document in wanted}
    for query, document in relevant:
        if document not in texts:
            raise ReaderError(f"{place} judges the document {document!r}, which {folder / 'corpus.jsonl'} doesn't have")
        yield f"{place} ({query}, {document})", Row(judged.queries[query], texts[document])


def read_corpus(folder: Path) -> Iterator[tuple[str, str]]:
    """The ids and texts of a BEIR folder's documents, title before text.

    Raises:
        ReaderError: ``corpus.jsonl`` can't be read or is malformed; the message names the line.
    """
    path = folder / "corpus.jsonl"
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line.decode("utf-8-sig"))
                    parts = (record.get("title") or "", record.get("text") or "")
                    yield str(record["_id"]), " ".join(part.strip() for part in parts if part.strip())
                except (ValueError, KeyError, AttributeError, RecursionError) as error:
                    raise ReaderError(f"{path}:{number}: expected an object with _id and text: {error!r}") from error
    except OSError as error:
        raise ReaderError(f"{path} can't be read: {error.strerror or error}") from error


def _text(record: Mapping[str, Any], names: tuple[str, ...], place: str) -> str:
    for name in names:
        if name in record:
            return _checked(record[name], place, name)
    present = ", ".join(map(str, record)) or "nothing"
    raise InvalidInput(f"{place}: there is no {names[0]!r} (nor {', '.join(names[1:])}), only {present}")


def _negatives(record: Mapping[str, Any], place: str) -> Iterator[str]:
    for name in sorted((name for name in record if str(name).startswith("negative")), key=_number):
        stem, _, number = str(name).partition("_")
        if stem not in _NEGATIVES or (number and not number.isdigit()):
            continue
        value = record[name]
        for text in value if isinstance(value, list) else [value]:
            yield _checked(text, place, str(name))


def _number(name: str) -> int:
    number = name.rpartition("_")[2]
    return int(number) if number.isdigit() else 0


def _scores(record: Mapping[str, Any], place: str) -> Iterator[float]:
    for name in _SCORES:
        value = record.get(name)
        if value is None:
            continue
        for score in value if isinstance(value, list) else [value]:
            if isinstance(score, bool) or not isinstance(score, int | float) or not abs(score) < float("inf"):
                raise InvalidInput(f"{place}: {name!r} holds {score!r:.100}, expected finite numbers")
            yield float(score)
        return


def _checked(value: Any, place: str, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{place}: {name!r} must be a text that isn't empty, got {value!r:.100}")
    return value
