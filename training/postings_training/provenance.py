"""What a published model was trained on: ``training.json`` in its folder.

``{"data": [{"path": "pairs.jsonl", "sha256": "…", "rows": 1992}, …]}``; other keys are the publisher's own.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from postings.encoder.sources import model_folder
from postings.errors import ReaderError
from postings_training.pairs import read_pairs

RECORD = "training.json"
"""The record's name in a model's folder."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A file, or a BEIR folder, that a model was trained on: its path, digest and number of pairs."""

    path: str
    sha256: str
    rows: int

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> TrainingData:
        """Describe data as it is now.

        Raises:
            ReaderError: it can't be read, or holds no pair.
        """
        return cls(os.fspath(path), digest(path), sum(1 for _ in read_pairs(path)))

    def changed(self) -> str | None:
        """Why the rows that the model saw can't be had any more; None if they can."""
        if not Path(self.path).exists():
            return "it isn't there"
        return None if digest(self.path) == self.sha256 else "it has changed since"


def digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, or of a BEIR folder's corpus, queries and training judgements one after the other.

    Raises:
        ReaderError: it can't be read.
    """
    place = Path(path)
    names = ("corpus.jsonl", "queries.jsonl", "qrels/train.tsv")
    total = hashlib.sha256()
    for file in [place / name for name in names] if place.is_dir() else [place]:
        try:
            with file.open("rb") as stream:
                while block := stream.read(2**20):
                    total.update(block)
        except OSError as error:
            raise ReaderError(f"{file} can't be read: {error.strerror or error}") from error
    return total.hexdigest()


def trained_on(model: str) -> list[TrainingData] | None:
    """Read what a model was trained on; None if its folder doesn't say.

    Raises:
        ModelNotFound: there is no such model.
        ReaderError: the record is malformed.

    Example:
        >>> trained_on("tiny") is None or all(data.rows for data in trained_on("tiny"))
        True
    """
    record = model_folder(model) / RECORD
    try:
        content = json.loads(record.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise ReaderError(f"{record} can't be read: {error}") from error
    match content:
        case {"data": [*entries]}:
            return [_entry(entry, record) for entry in entries]
    raise ReaderError(f'{record}: expected an object with a list under "data", got {content!s:.200}')


def _entry(entry: object, record: Path) -> TrainingData:
    match entry:
        case {"path": str(path), "sha256": str(sha256), "rows": int(rows)} if path and not isinstance(rows, bool):
            return TrainingData(path, sha256, rows)
    raise ReaderError(f"{record}: expected path, sha256 and rows under data, got {entry!s:.200}")
