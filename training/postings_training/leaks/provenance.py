"""The record of what a published model was trained on: ``data`` in the ``training.json`` of its folder.

``[{"path": "pairs.jsonl", "digest": "sha256 …", "rows": 1992, "left_out": [[7, 9]]}, …]``
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from postings.encoder.toolkit import model_folder
from postings.errors import ReaderError
from postings.hub import is_hub_id
from postings.ir_dataset import is_ir_dataset
from postings_training.data.hub_data import load_hub
from postings_training.data.rows import Row, read_rows

RECORD = "training.json"
"""Name of the record in a model's folder."""

_OF_BYTES = "sha256 "


@dataclass(frozen=True, slots=True)
class Source:
    """Data that a model was trained on.

    Attributes:
        path: of a file or a BEIR folder, absolute, so that it is found from any working folder; or the id of a data set
            on the hub or of ir-datasets.
        digest: see :func:`digest`.
        rows: number of rows trained on.
        license: of the data, or empty.
        split: of a BEIR folder or a data set on the hub.
        left_out: ranges of rows that were read but not trained on: the numbers, from 1, of the first and the last.
    """

    path: Annotated[str, Field(min_length=1)]
    digest: str
    rows: int
    license: str = ""
    split: str = "train"
    left_out: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, path: str | os.PathLike[str], split: str = "train") -> Source:
        """Describe data as they are now, with all their rows.

        Raises:
            ReaderError: they can't be read.
            InvalidInput: there is no row, or a malformed one.
        """
        return cls(lasting_path(path), digest(path, split), sum(1 for _ in read_rows(path, split)), split=split)

    @property
    def name(self) -> str:
        """What reports and cards call the data."""
        local = self.digest.startswith(_OF_BYTES) and not is_ir_dataset(self.path)
        return Path(self.path).name if local else place_name(self.path)

    def used(self) -> Iterator[tuple[int, Row]]:
        """Read the rows that were trained on, with their numbers."""
        left_out = {number for first, last in self.left_out for number in range(first, last + 1)}
        read = self.rows + len(left_out)
        for number, (_, row) in enumerate(islice(read_rows(self.path, self.split), read), 1):
            if number not in left_out:
                yield number, row

    def changed(self) -> str | None:
        """Why the rows that the model saw can't be read any more; None if they can. Nothing is downloaded."""
        if not Path(self.path).expanduser().exists():
            return "not found"
        return None if digest(self.path, self.split) == self.digest else "changed since"


def lasting_path(path: str | os.PathLike[str]) -> str:
    """The path by which local data are found from any working folder; an id stays as it is.

    Example:
        >>> lasting_path("ir-datasets:cranfield"), lasting_path("sentence-transformers/gooaq")
        ('ir-datasets:cranfield', 'sentence-transformers/gooaq')
    """
    place = Path(path).expanduser()
    return str(place.resolve()) if not is_ir_dataset(path) and place.exists() else os.fspath(path)


def place_name(place: str) -> str:
    """The name of a file or folder, without where it lies, which is nobody's business; an id is its own name.

    Example:
        >>> place_name("~/models/my-base"), place_name("sentence-transformers/gooaq"), place_name("ir-datasets:a/b/c")
        ('my-base', 'sentence-transformers/gooaq', 'ir-datasets:a/b/c')
    """
    path = Path(place).expanduser()
    if is_ir_dataset(place) or (is_hub_id(place) and not path.exists()):
        return place
    return path.resolve().name or place


def gaps(numbers: Iterable[int], last: int) -> tuple[tuple[int, int], ...]:
    """The ranges of 1 … ``last`` that ascending numbers leave out.

    Example:
        >>> gaps([2, 3, 6], 8)
        ((1, 1), (4, 5), (7, 8))
    """
    borders = [0, *numbers, last + 1]
    return tuple((before + 1, after - 1) for before, after in pairwise(borders) if after - before > 1)


class _Record(BaseModel):
    data: list[Source]


def digest(path: str | os.PathLike[str], split: str = "train") -> str:
    """The SHA-256 of a file, or of a BEIR folder's corpus, queries and judgements, concatenated.

    For a data set on the hub, it is the fingerprint that ``datasets`` computes; for one of ir-datasets, the SHA-256 of
    its rows.

    Raises:
        ReaderError: the data can't be read.
    """
    place = Path(path).expanduser()
    if is_ir_dataset(path):
        rows = hashlib.sha256()
        for _, row in read_rows(path, split):
            rows.update(f"{row.query}\0{row.positive}\0".encode(errors="surrogatepass"))
        return f"{_OF_BYTES}{rows.hexdigest()}"
    if not place.exists():
        return f"datasets {getattr(load_hub(os.fspath(path), split), '_fingerprint', '')}"
    names = ("corpus.jsonl", "queries.jsonl", f"qrels/{split}.tsv")
    total = hashlib.sha256()
    for file in [place / name for name in names] if place.is_dir() else [place]:
        try:
            with file.open("rb") as stream:
                while block := stream.read(2**20):
                    total.update(block)
        except OSError as error:
            raise ReaderError(f"{file} can't be read: {error.strerror or error}") from error
    return f"{_OF_BYTES}{total.hexdigest()}"


def trained_on(model: str) -> list[Source] | None:
    """Read the record of what a model was trained on; None if its folder has none.

    Raises:
        ModelNotFound: there is no such model.
        ReaderError: the record is malformed.

    Example:
        >>> [(source.path, source.rows) for source in trained_on("tiny") or []][:2]
        [('medquad.jsonl', 12000), ('squad_dev.jsonl', 8508)]
    """
    record = model_folder(model) / RECORD
    try:
        return _Record.model_validate_json(record.read_bytes(), strict=True).data
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ReaderError(f"{record} can't be read: {error}") from error
