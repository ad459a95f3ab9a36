"""Batches of neighbors: full, without repeats, and the same for the same seed."""

from __future__ import annotations

from itertools import islice

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from postings_training.teachers.bm25 import bm25_vectors
from postings_training.teachers.neighbors import NeighborBatches

ANIMALS = ("lion", "zebra", "heron", "otter", "badger", "falcon", "salmon", "cobra")
PLACES = tuple(f"valley{number}" for number in range(40))
ROWS = [
    (f"which {animal} lives in the {place}", f"The {animal} of the {place}.") for animal in ANIMALS for place in PLACES
]


def batches(
    rows: list[tuple[str, str]], size: int = 8, group: int = 4, seed: int = 1, epoch: int = 0
) -> list[list[int]]:
    queries, documents = (sorted({row[side] for row in rows}) for side in (0, 1))
    numbers = (
        np.array([queries.index(query) for query, _ in rows]),
        np.array([documents.index(document) for _, document in rows]),
    )
    found = NeighborBatches(*numbers, bm25_vectors(queries, documents), size, group, seed)
    found.set_epoch(epoch)
    assert len(list(found)) == len(found)
    return list(found)


def test_an_epoch_has_as_many_rows_as_the_data_in_full_batches() -> None:
    found = batches(ROWS)
    assert [len(batch) for batch in found] == [8] * 40


def test_rows_of_a_group_share_words_that_are_rare() -> None:
    for batch in batches(ROWS):
        leader, *others = (set(ROWS[row][0].split()) for row in batch[:4])
        assert all(len(leader & other) > len({"which", "lives", "in", "the"}) for other in others)


def test_the_seed_and_the_epoch_decide() -> None:
    assert batches(ROWS) == batches(ROWS)
    assert batches(ROWS) != batches(ROWS, seed=2)
    assert batches(ROWS) != batches(ROWS, epoch=1)


@given(
    rows=st.lists(st.tuples(st.sampled_from(ANIMALS), st.sampled_from(PLACES)), min_size=1, max_size=30),
    size=st.integers(1, 12),
    group=st.integers(1, 9),
)
def test_no_query_and_no_document_is_in_a_batch_twice(rows: list[tuple[str, str]], size: int, group: int) -> None:
    for batch in islice(batches(rows, size, group), 20):
        assert 1 <= len(batch) <= size
        for side in (0, 1):
            texts = [rows[row][side] for row in batch]
            assert len(set(texts)) == len(texts)
