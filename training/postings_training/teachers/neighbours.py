"""Batches of rows that are hard to tell apart: rows whose positives look like answers to one another's queries."""

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


class NeighbourBatches(SetEpochMixin, BatchSampler):
    """Batches made of groups: a row, and rows whose positives BM25 ranks among the best for its query.

    With in-batch negatives, these are each other's hard negatives, and no text is encoded for one query alone (after
    TAS-B's batches of like queries, Hofstätter et al. 2021, https://arxiv.org/abs/2104.06967). No query and no document
    stands in a batch twice. Each row leads a group about as often as any other.

    Args:
        queries: the number of each row's query; rows with the same one have the same number.
        documents: likewise of each row's positive.
        vectors: BM25's of queries and documents by number, as :func:`.bm25_vectors` gives them.
        batch_size: rows a batch.
        group: rows a group, with the row that leads it.
        seed: of the order; each epoch has its own.
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
        """Batches an epoch: as many as hold all rows once."""
        return max(1, len(self._queries) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of an epoch, the rows' numbers."""
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
        # Where all rows are alike, no batch can be filled: a smaller one is taken then.
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
    """The documents that score best for each query, shape ``(queries, 30)`` or fewer, in no order."""
    count = min(_NEAREST, documents.shape[0])
    found = np.empty((queries.shape[0], count), dtype=np.int32)
    turned = documents.T.tocsr()
    for start in range(0, queries.shape[0], _AT_ONCE):
        scores = (queries[start : start + _AT_ONCE] @ turned).toarray()
        found[start : start + _AT_ONCE] = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    return found
