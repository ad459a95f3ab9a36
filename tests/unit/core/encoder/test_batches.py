"""Token-budget batches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from postings.encoder.passes.batches import batches

lengths = st.lists(st.integers(1, 600), max_size=200)


@given(lengths, st.integers(1, 5000))
def test_every_text_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    found = list(batches(lengths, budget))
    assert sorted(position for batch in found for position in batch) == list(range(len(lengths)))
    for batch in found:
        longest = lengths[batch[0]]
        assert longest == max(lengths[position] for position in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
        assert sum(lengths[position] for position in batch) >= 0.85 * len(batch) * longest


@given(lengths, st.integers(1, 5000))
def test_the_longest_come_first(lengths: list[int], budget: int) -> None:
    order = [lengths[position] for batch in batches(lengths, budget) for position in batch]
    assert order == sorted(order, reverse=True)


@given(st.integers(1, 500), st.integers(1, 100), st.integers(1, 5000))
def test_texts_of_one_length_fill_their_batches(count: int, length: int, budget: int) -> None:
    found = list(batches([length] * count, budget))
    assert len(found) == -(-count // max(budget // length, 1))
