"""Passages for ``benchmarks.scale``: as many as are asked for, made from the documents and queries of BEIR folders.

The first passages are the documents themselves, encoded by ``tiny``, with the vectors of their words. Each further one
mixes two documents: of the dims of both, each is kept with a probability of one half, so that a passage has as many
dims as real ones have, and they belong together as far as those of a document do. What is drawn depends on the seed
and on the passage's block alone.

Vectors are stored in files, as a compressed sparse row matrix, which processes map into their memory.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from postings import Encoder, SparseVector
from postings.words import Bm25, WordsConfig, word_input

SEED = 20_261
QUERIES = 400
LARGEST = 2**31
BLOCK = 10_000
SIDES = ("model", "words")

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Sparse vectors as the rows of a matrix: those of row i are at ``offsets[i]`` to ``offsets[i + 1]``."""

    offsets: Array
    indices: Array
    values: Array

    @classmethod
    def of(cls, vectors: Sequence[SparseVector]) -> Rows:
        return cls(
            np.cumsum([0, *map(len, vectors)]),
            np.concatenate([vector.indices for vector in vectors]),
            np.concatenate([vector.values for vector in vectors]),
        )

    @classmethod
    def load(cls, folder: Path, name: str) -> Rows:
        offsets = np.fromfile(folder / f"{name}.offsets", np.int64)
        return cls(
            offsets,
            np.memmap(folder / f"{name}.indices", np.int32, "r"),
            np.memmap(folder / f"{name}.values", np.float32, "r"),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> SparseVector:
        part = slice(*self.offsets[row : row + 2])
        return SparseVector.unchecked(np.array(self.indices[part]), np.array(self.values[part]))

    def __iter__(self) -> Iterator[SparseVector]:
        return map(self.__getitem__, range(len(self)))

    def mixed(self, pairs: Array, random: np.random.Generator) -> Rows:
        """A row for each pair of rows, with about half of the entries of both.

        Args:
            pairs: shape ``(n, 2)``.
            random: decides which entries are kept.
        """
        sources = pairs.ravel()
        lengths = (self.offsets[1:] - self.offsets[:-1])[sources]
        ends = np.cumsum(lengths)
        at = np.arange(ends[-1]) + np.repeat(self.offsets[sources] - ends + lengths, lengths)
        kept = np.flatnonzero(random.random(len(at)) < 0.5)
        row = np.repeat(np.arange(len(sources)) // 2, lengths)[kept]
        keys, first = np.unique(row * LARGEST + self.indices[at[kept]], return_index=True)
        counts = np.bincount(keys // LARGEST, minlength=len(pairs))
        values = self.values[at[kept[first]]]
        return Rows(np.concatenate([[0], np.cumsum(counts)]), (keys % LARGEST).astype(np.int32), values)


def documents(data: Path) -> list[tuple[str, str]]:
    """Title and text of all documents of the BEIR folders, in an order that mixes the sets."""
    found = []
    for corpus in sorted(data.glob("*/corpus.jsonl")):
        with corpus.open(encoding="utf-8") as lines:
            found += [(row.get("title", ""), row["text"]) for row in map(json.loads, lines) if row["text"].strip()]
    random.Random(SEED).shuffle(found)
    return found


def queries(data: Path) -> list[str]:
    """As many queries of each BEIR folder."""
    folders = sorted(data.glob("*/queries.jsonl"))
    found: list[str] = []
    for file in folders:
        with file.open(encoding="utf-8") as lines:
            texts = [row["text"] for row in map(json.loads, lines)]
        found += random.Random(SEED).sample(texts, min(len(texts), QUERIES // len(folders)))
    random.Random(SEED).shuffle(found)
    return found


def prepare(data: Path, folder: Path) -> None:
    """Encode documents and queries, and write them to a folder."""
    encoder = Encoder.load("tiny", "cpu")
    texts, asked = documents(data), queries(data)
    inputs = [word_input(*each) for each in texts]
    counting = Bm25(WordsConfig())
    counts = counting.counts(inputs)
    mean = float(np.mean([count.values.sum() for count in counts]))
    words = Bm25(WordsConfig(average_length=round(mean, 2)))
    (folder / "texts.json").write_text(json.dumps({"texts": texts, "queries": asked, "average_length": mean}))
    save(folder, "documents-model", [Rows.of(encoder.encode_documents([" ".join(each).strip() for each in texts]))])
    save(folder, "documents-words", [Rows.of(words.weighted(counts))])
    save(folder, "queries-model", [Rows.of(encoder.encode_queries(asked))])
    save(folder, "queries-words", [Rows.of([words.encode_query(query) for query in asked])])


def extend(folder: Path, passages: int) -> None:
    """Write the vectors of so many passages."""
    for number, side in enumerate(SIDES):
        save(folder, f"passages-{side}", _blocks(Rows.load(folder, f"documents-{side}"), passages, number))


def _blocks(source: Rows, passages: int, side: int) -> Iterator[Rows]:
    given = min(len(source), passages)
    end = source.offsets[given]
    yield Rows(source.offsets[: given + 1], source.indices[:end], source.values[:end])
    for start in range(given, passages, BLOCK):
        yield source.mixed(pairs(start, len(source))[: passages - start], np.random.default_rng((SEED, start, side)))


def pairs(start: int, documents: int) -> Array:
    """The documents that the passages from ``start`` on are mixed of."""
    return np.random.default_rng((SEED, start)).integers(documents, size=(BLOCK, 2))


def save(folder: Path, name: str, blocks: Iterator[Rows] | Sequence[Rows]) -> None:
    """Write rows to files, block by block."""
    ends = [np.zeros(1, np.int64)]
    with (folder / f"{name}.indices").open("wb") as indices, (folder / f"{name}.values").open("wb") as values:
        for block in blocks:
            block.indices.astype(np.int32).tofile(indices)
            block.values.astype(np.float32).tofile(values)
            ends.append(block.offsets[1:] + ends[-1][-1])
    np.concatenate(ends).tofile(folder / f"{name}.offsets")
