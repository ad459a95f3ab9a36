"""Vectors of an engine's answer, checked at once: each is what it would be by itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import SparseVector
from postings.errors import InvalidVector
from postings.many_vectors import named_vectors

entries = st.dictionaries(
    st.integers(0, 2**31 - 1), st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=5
)


def stored(pairs: list[tuple[int, float]]) -> SimpleNamespace:
    return SimpleNamespace(indices=[index for index, _ in pairs], values=[value for _, value in pairs])


@given(st.lists(st.none() | st.dictionaries(st.sampled_from("ab"), entries), max_size=5), st.booleans())
def test_vectors_are_read_in_any_order_and_without_zeros(
    given: list[dict[str, dict[int, float]] | None], in_order: bool
) -> None:
    points = [
        None
        if each is None
        else {name: stored(sorted(pairs.items()) if in_order else list(pairs.items())) for name, pairs in each.items()}
        for each in given
    ]
    assert named_vectors(points) == [
        {name: SparseVector.from_pairs(pairs.items()) for name, pairs in (each or {}).items()} for each in given
    ]


@pytest.mark.parametrize(
    ("indices", "values"),
    [
        ([1, 1], [1.0, 2.0]),
        ([2**31], [1.0]),
        ([-1], [1.0]),
        ([1], [float("nan")]),
        ([1], [1e300]),
        ([1, 2], [1.0]),
        ([1], [1.0, 2.0]),
    ],
)
def test_what_is_no_vector_is_refused_among_others_that_are(indices: list[int], values: list[float]) -> None:
    good, wrong = stored([(3, 0.5)]), SimpleNamespace(indices=indices, values=values)
    with pytest.raises(InvalidVector):
        named_vectors([{"model": good}, {"model": wrong, "words": good}])
