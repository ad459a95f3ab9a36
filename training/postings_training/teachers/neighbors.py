"""Batches of rows that are hard to tell apart: their positives look like answers to each other's queries."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sentence_transformers.base.sampler import SetEpochMixin
from torch.utils.data import BatchSampler

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_NEAREST = 30
_AT_ONCE = 512


class NeighborBatches(SetEpochMixin, BatchSampler):
    """Batches made of groups: a leading row, and rows whose positives BM25 ranks high for its query.

    With in-batch negatives, the rows of a group are each other's hard negatives, and no text is encoded for one query
    only (after TAS-B's batches of similar queries, Hofstätter et al. 2021, https://arxiv.org/abs/2104.06967). A batch
    contains no query and no document twice. All rows lead a group about equally often.

    Args:
        queries: the number of each row's query; rows with the same query have the same number.
        documents: the number of each row's positive, likewise.
        vectors: BM25 vectors of queries and documents by number, see :func:`.bm25_vectors`.
        batch_size: rows per batch.
        group: rows per group, including the leading one.
        seed: of the order, which differs between epochs.
    """

    def __init__(
        self,
        queries: npt.NDArray[np.int64],
        documents: npt.NDArray[np.int64],
        vectors: tuple[csr_array, csr_array],
        batch_size: int,
        group: int,
        seed: int,
    ) -> None:
        super().__init__(range(len(queries)), batch_size=batch_size, drop_last=True)
        self._queries, self._documents = queries.tolist(), documents.tolist()
        self._rows_of: dict[int, list[int]] = defaultdict(list)
        for row, document in enumerate(self._documents):
            self._rows_of[document].append(row)
        self._nearest = _nearest(*vectors)
        self._group = group
        self._seed = seed

    def __len__(self) -> int:
        """The number of batches per epoch: as many as hold all rows once."""
        return max(1, len(self._queries) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches of an epoch, as numbers of rows."""
        chance = random.Random(f"{self._seed} {self.epoch}")  # noqa: S311 - an order, no secret
        leaders = self._leaders(chance)
        for _ in range(len(self)):
            yield self._batch(leaders, chance)

    def _leaders(self, chance: random.Random) -> Iterator[int]:
        rows = list(range(len(self._queries)))
        while True:
            chance.shuffle(rows)
            yield from rows

    def _batch(self, leaders: Iterator[int], chance: random.Random) -> list[int]:
        chosen: list[int] = []
        queries: set[int] = set()
        documents: set[int] = set()
        # If all rows have the same texts, no batch can be filled, and a smaller one is used.
        for leader, _ in zip(leaders, range(4 * self.batch_size), strict=False):
            near = [each for each in self._nearest[self._queries[leader]].tolist() if each != self._documents[leader]]
            others = chance.sample(near, min(self._group - 1, len(near)))
            for row in [leader, *(chance.choice(self._rows_of[document]) for document in others)]:
                if len(chosen) == self.batch_size:
                    return chosen
                if self._queries[row] not in queries and self._documents[row] not in documents:
                    chosen.append(row)
                    queries.add(self._queries[row])
                    documents.add(self._documents[row])
        return chosen


def _nearest(queries: csr_array, documents: csr_array) -> npt.NDArray[np.int32]:
    """The 30 documents (or all, if fewer) with the highest scores for each query, unordered: ``(queries, 30)``."""
    count = min(_NEAREST, documents.shape[0])
    found = np.empty((queries.shape[0], count), dtype=np.int32)
    turned = documents.T.tocsr()
    for start in range(0, queries.shape[0], _AT_ONCE):
        scores = (queries[start : start + _AT_ONCE] @ turned).toarray()
        found[start : start + _AT_ONCE] = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    return found
