"""The data of a training run: local files, BEIR folders and the hub's data sets, checked and put together."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postings.errors import ConfigurationError, InvalidInput, MissingExtra, ReaderError
from postings_training.recipe import Data
from postings_training.rows import Row, read_beir, read_jsonl, row_of

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger(__name__)

_SPLIT_SEED = 12  # as sentence-transformers' examples split


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows came from, for the model card: how many, and SHA-256 of the files, or the hub's fingerprint."""

    name: str
    rows: int
    digest: str
    licence: str = ""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Rows to train on, rows held out, and where they came from.

    The columns are ``query``, ``positive``, ``negative_1`` …, and ``label`` where the rows have scores.
    """

    train: Dataset
    held_out: Dataset | None
    sources: tuple[Source, ...]

    @property
    def negatives(self) -> int:
        """How many negatives each row has."""
        return sum(name.startswith("negative") for name in self.train.column_names)


def load_data(settings: Data) -> TrainingData:
    """Read and check all sources.

    Raises:
        ConfigurationError: no source is named, or one is neither here nor on a hub that can be reached.
        ReaderError: a file can't be read or is malformed; the message names the line.
        InvalidInput: a column is missing, a source is empty, sources differ in shape, or there is one class only.
    """
    try:
        from datasets import Dataset
    except ImportError as error:
        raise MissingExtra("training", "training a model") from error
    if not settings.sources:
        raise ConfigurationError(
            "data.sources is empty: expected JSONL files, BEIR folders or hub ids to train on (--data)"
        )
    rows: list[Row] = []
    sources: list[Source] = []
    shape: tuple[int, int] | None = None
    for name in settings.sources:
        before = len(rows)
        for place, row in itertools.islice(_rows(name, settings.split), settings.rows):
            kept = _cut(row, settings.negatives)
            if kept is None:
                continue
            found = len(kept.negatives), len(kept.scores)
            shape = shape or found
            if found != shape:
                raise InvalidInput(
                    f"{place} has {found[0]} negatives and {found[1]} scores, the rows before {shape[0]} and "
                    f"{shape[1]}: all must be alike (data.negatives cuts them to a number)"
                )
            rows.append(kept)
        if len(rows) == before:
            raise InvalidInput(f"{name} holds no row to train on")
        sources.append(Source(name, len(rows) - before, *_origin(name, settings)))
    _refuse_one_class(rows)
    data = Dataset.from_dict(_columns(rows))
    if not settings.held_out:
        return TrainingData(data, None, tuple(sources))
    if settings.held_out >= len(rows):
        raise ConfigurationError(f"data.held_out is {settings.held_out}, but there are {len(rows)} rows in all")
    parts = data.train_test_split(test_size=settings.held_out, seed=_SPLIT_SEED)
    return TrainingData(parts["train"], parts["test"], tuple(sources))


def _rows(name: str, split: str) -> Iterator[tuple[str, Row]]:
    path = Path(name).expanduser()
    if path.is_file():
        return read_jsonl(path)
    if path.is_dir():
        return read_beir(path, split)
    return _hub_rows(name, split)


def _hub_rows(name: str, split: str) -> Iterator[tuple[str, Row]]:
    for number, record in enumerate(_hub(name, split)):
        place = f"{name} ({split}) row {number}"
        yield place, row_of(record, place)


def _hub(name: str, split: str) -> Any:
    from datasets import load_dataset

    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ReaderError(f"{name} isn't there: expected a JSONL file, a BEIR folder or a hub id (owner/name)")
    try:
        return load_dataset(name, split=split)
    except Exception as error:  # the hub's client raises its own, httpx's and OS errors
        reason = str(error).strip().partition("\n")[0]
        raise ReaderError(
            f"the data set {name} isn't here, and the hub gave none ({reason}): name local data with --data"
        ) from error


def _cut(row: Row, negatives: int | None) -> Row | None:
    if negatives is None:
        return row
    if len(row.negatives) < negatives:
        return None
    spare = len(row.negatives) - negatives
    return Row(row.query, row.positive, row.negatives[:negatives], row.scores[: len(row.scores) - spare])


def _refuse_one_class(rows: Sequence[Row]) -> None:
    first = rows[0]
    if all(row.positive == first.positive for row in rows):
        raise InvalidInput(
            f"all {len(rows)} rows have the same positive: there is one class only, nothing to tell apart"
        )
    if first.scores and all(row.scores == first.scores for row in rows) and len(set(first.scores)) == 1:
        raise InvalidInput(f"all scores are {first.scores[0]}: there is one class only, nothing to tell apart")
    for number, row in enumerate(rows):
        if row.positive in row.negatives:
            raise InvalidInput(f"row {number}: a negative of {row.query!r:.100} is its positive, too")


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {"query": [row.query for row in rows], "positive": [row.positive for row in rows]}
    for number in range(len(rows[0].negatives)):
        columns[f"negative_{number + 1}"] = [row.negatives[number] for row in rows]
    if rows[0].scores:
        columns["label"] = [list(row.scores) if len(row.scores) > 1 else row.scores[0] for row in rows]
    return columns


def _origin(name: str, settings: Data) -> tuple[str, str]:
    """A digest of a source, and its licence where it says so."""
    path = Path(name).expanduser()
    if path.is_dir():
        files = [path / "corpus.jsonl", path / "queries.jsonl", path / "qrels" / f"{settings.split}.tsv"]
        return _digest(files), _licence(path) or settings.licence
    if path.is_file():
        return _digest([path]), settings.licence
    fingerprint = getattr(_hub(name, settings.split), "_fingerprint", "")
    return f"datasets {fingerprint}", settings.licence


def _digest(files: Sequence[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            for chunk in iter(lambda: content.read(1 << 20), b""):
                total.update(chunk)
    return f"sha256 {total.hexdigest()}"


def _licence(folder: Path) -> str:
    try:
        return str(json.loads((folder / "meta.json").read_bytes()).get("licence") or "")
    except (OSError, ValueError, AttributeError):
        return ""
