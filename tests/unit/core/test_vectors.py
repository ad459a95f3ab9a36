from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import SparseVector
from postings.errors import InvalidVector

LARGEST = 2**31 - 1

weights = st.floats(width=32, allow_nan=False, allow_infinity=False).filter(bool)
entries = st.dictionaries(st.integers(0, LARGEST), weights, max_size=30)
small_entries = st.dictionaries(st.integers(0, 40), st.floats(-1000, 1000, width=32).filter(bool), max_size=30)


def vector_of(entries: dict[int, float]) -> SparseVector:
    return SparseVector(sorted(entries), [entries[index] for index in sorted(entries)])


def dense(vector: SparseVector, length: int = 41) -> np.ndarray[Any, np.dtype[np.float64]]:
    array = np.zeros(length)
    array[vector.indices] = vector.values
    return array


@given(entries)
def test_valid_entries_are_kept_as_int32_and_float32(entries: dict[int, float]) -> None:
    vector = vector_of(entries)
    assert dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True)) == entries
    assert vector.indices.dtype == np.dtype("int32")
    assert vector.values.dtype == np.dtype("float32")
    assert len(vector) == len(entries)


@given(st.lists(st.integers(-3, 40), max_size=6), st.lists(st.sampled_from([0.0, 1.0, -2.0, float("nan")]), max_size=6))
def test_any_arrays_either_keep_every_rule_or_are_refused(indices: list[int], values: list[float]) -> None:
    valid = (
        len(indices) == len(values)
        and indices == sorted(set(indices))
        and all(index >= 0 for index in indices)
        and all(value in (1.0, -2.0) for value in values)
    )
    if valid:
        assert SparseVector(indices, values).indices.tolist() == indices
    else:
        with pytest.raises(InvalidVector):
            SparseVector(indices, values)


@pytest.mark.parametrize(
    ("indices", "values", "message"),
    [
        ([1, 2], [1.0], "as many values as indices, got 2 indices and 1 values"),
        ([], [1.0], "as many values as indices, got 0 indices and 1 values"),
        ([3, 1], [1.0, 1.0], "strictly ascending, got 3, 1 at position 1"),
        ([0, 3, 3], [1.0, 1.0, 1.0], "strictly ascending, got 3, 3 at position 2"),
        ([4, 7], [1.0, 0.0], "finite and not zero, got 0.0 at index 7"),
        ([4], [-0.0], "finite and not zero, got -0.0 at index 4"),
        ([4, 7], [1.0, float("nan")], "finite and not zero, got nan at index 7"),
        ([4], [float("-inf")], "finite and not zero, got -inf at index 4"),
        ([4], [1e39], "finite and not zero, got inf at index 4"),  # over float32
        ([4], [1e-50], "finite and not zero, got 0.0 at index 4"),  # under float32
        ([-1], [1.0], r"must be in 0..2147483647, got -1..-1"),
        ([5, 2**31], [1.0, 1.0], r"must be in 0..2147483647, got 5..2147483648"),
        (np.array([2**64 - 1], np.uint64), [1.0], "must be in 0..2147483647"),
        ([2**80], [1.0], "indices must be integers, got object"),
        ([1.0], [1.0], "indices must be integers, got float64"),
        ([True], [1.0], "indices must be integers, got bool"),
        (["1"], [1.0], "indices must be integers, got <U1"),
        ([None], [1.0], "indices must be integers, got object"),
        (np.array([1], "m8[s]"), [1.0], "indices must be integers, got timedelta64"),
        (np.array(["2020-01-01"], "M8[D]"), [1.0], "indices must be integers, got datetime64"),
        ([1], [True], "values must be real numbers, got bool"),
        ([1], ["1"], "values must be real numbers, got <U1"),
        ([1], [1j], "values must be real numbers, got complex128"),
        ([1], [None], "values must be real numbers, got object"),
        ([1], [2**2000], "values must be real numbers, got object"),
        ([[1]], [[1.0]], r"indices must have one dimension, got shape \(1, 1\)"),
        ([1], [[1.0]], r"values must have one dimension, got shape \(1, 1\)"),
        (1, 1.0, r"indices must have one dimension, got shape \(\)"),
        ("12", "12", r"indices must have one dimension, got shape \(\)"),
        ({1}, {1.0}, r"indices must have one dimension, got shape \(\)"),
        ([[1], [1, 2]], [1.0, 2.0], "indices must be an array of numbers"),
        ([1, 2], [[1.0], [1.0, 2.0]], "values must be an array of numbers"),
    ],
)
def test_a_broken_rule_is_named(indices: Any, values: Any, message: str) -> None:
    with pytest.raises(InvalidVector, match=message):
        SparseVector(indices, values)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u4", "i8", "u8", ">i4"])
def test_every_integer_type_holds_indices(dtype: str) -> None:
    assert SparseVector(np.array([0, 3, 127], dtype), [1.0, 2.0, 3.0]) == SparseVector([0, 3, 127], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", ">f4", "i4", "u8"])
def test_every_real_type_holds_values(dtype: str) -> None:
    assert SparseVector([1, 2], np.array([1, 2], dtype)) == SparseVector([1, 2], [1.0, 2.0])


def test_the_largest_index_is_allowed() -> None:
    assert SparseVector([LARGEST], [1.0]).indices.tolist() == [LARGEST]


def test_a_vector_may_be_empty() -> None:
    vector = SparseVector([], [])
    assert len(vector) == 0
    assert vector.indices.dtype == np.dtype("int32")
    assert vector.values.dtype == np.dtype("float32")


def test_a_vector_does_not_change_with_the_arrays_it_was_made_of() -> None:
    indices, values = np.array([1, 2], np.int32), np.array([1.0, 2.0], np.float32)
    vector = SparseVector(indices, values)
    indices[0], values[0] = 7, 9.0
    assert vector == SparseVector([1, 2], [1.0, 2.0])


@pytest.mark.parametrize("of", [lambda v: v, copy.copy, copy.deepcopy], ids=["itself", "a copy", "a deep copy"])
def test_a_vector_is_immutable(of: Any) -> None:
    vector = of(SparseVector([1, 2], [1.0, 2.0]))
    assert vector == SparseVector([1, 2], [1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        vector.values[0] = 3.0
    with pytest.raises(ValueError, match="read-only"):
        vector.indices[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        vector.values = np.ones(2)


@given(small_entries)
def test_from_dense_keeps_the_non_zeros(entries: dict[int, float]) -> None:
    vector = vector_of(entries)
    assert SparseVector.from_dense(dense(vector)) == vector


@given(st.lists(st.floats(width=64), max_size=20))
def test_from_dense_keeps_what_float32_can_hold_and_refuses_the_rest(weights: list[float]) -> None:
    with np.errstate(over="ignore", under="ignore"):
        expected = np.array(weights).astype(np.float32)
    if np.isfinite(expected).all():
        assert dense(SparseVector.from_dense(weights), len(weights)).tolist() == expected.tolist()
    else:
        with pytest.raises(InvalidVector, match="finite"):
            SparseVector.from_dense(weights)


@pytest.mark.parametrize("weights", [["1.5"], [1j], [True], [None], 1.0, 0.0, [[1.0]], [[1.0], [1.0, 2.0]], "abc"])
def test_from_dense_refuses_what_is_not_a_list_of_real_numbers(weights: Any) -> None:
    with pytest.raises(InvalidVector, match="values must"):
        SparseVector.from_dense(weights)


@given(entries, st.randoms(use_true_random=False))
def test_from_pairs_sorts_and_drops_zeros(entries: dict[int, float], random: Any) -> None:
    pairs = list(entries.items())
    random.shuffle(pairs)
    assert SparseVector.from_pairs(iter(pairs)) == vector_of(entries)
    absent = next(index for index in range(len(entries) + 1) if index not in entries)
    # Less than float32 can hold is zero, as it is to from_dense.
    assert SparseVector.from_pairs([(absent, random.choice([0.0, 0, -0.0, 1e-50])), *pairs]) == vector_of(entries)


@given(entries)
def test_pairs_of_a_vector_give_the_vector_back(entries: dict[int, float]) -> None:
    vector = vector_of(entries)
    assert SparseVector.from_pairs(zip(vector.indices, vector.values, strict=True)) == vector


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(1, 1.0), (0, 1.0), (1, 2.0)], "strictly ascending, got 1, 1"),
        ([(1, float("nan")), (0, 1.0)], "got nan at index 1"),
        ([(2, 1e39), (0, 1.0)], "got inf at index 2"),
        ([("a", 1.0), (1, 2.0)], "indices must be integers"),
        ([(1, "x"), (2, 1.0)], "values must be real numbers"),
        ([(1.5, 1.0)], "indices must be integers"),
        ([(-1, 1.0)], "must be in 0"),
        ([(1, None)], "values must be real numbers"),
    ],
)
def test_from_pairs_names_the_broken_rule(pairs: list[tuple[Any, Any]], message: str) -> None:
    with pytest.raises(InvalidVector, match=message):
        SparseVector.from_pairs(pairs)


@given(small_entries, small_entries)
def test_dot_is_the_dot_product_of_the_dense_vectors(mine: dict[int, float], theirs: dict[int, float]) -> None:
    a, b = vector_of(mine), vector_of(theirs)
    assert a.dot(b) == pytest.approx(float(dense(a) @ dense(b)), rel=1e-9, abs=1e-6)
    assert a.dot(b) == pytest.approx(b.dot(a), rel=1e-12, abs=1e-9)


def test_dot_of_large_values_does_not_overflow_float32() -> None:
    assert SparseVector([1], [3e38]).dot(SparseVector([1], [3e38])) == pytest.approx(9e76)


def test_vectors_without_a_common_dim_have_a_dot_product_of_zero() -> None:
    assert SparseVector([1, 3], [1.0, 1.0]).dot(SparseVector([2, 4], [1.0, 1.0])) == 0.0
    assert SparseVector([], []).dot(SparseVector([2], [1.0])) == 0.0


@given(entries, entries)
def test_vectors_are_equal_and_hash_alike_exactly_when_their_entries_are(
    mine: dict[int, float], theirs: dict[int, float]
) -> None:
    assert (vector_of(mine) == vector_of(theirs)) == (mine == theirs)
    assert vector_of(mine) == vector_of(dict(mine))
    assert hash(vector_of(mine)) == hash(vector_of(dict(mine)))
    assert len({vector_of(mine), vector_of(dict(mine)), vector_of(theirs)}) == (1 if mine == theirs else 2)


def test_a_vector_equals_nothing_but_vectors() -> None:
    assert SparseVector([1], [1.0]) != {1: 1.0}
    assert SparseVector([1], [1.0]) != SparseVector([1], [2.0])
    assert SparseVector([], []) != []


def test_a_long_vector_is_shown_by_its_beginning() -> None:
    assert repr(SparseVector([1, 2], [0.5, 2.0])) == "SparseVector({1: 0.5, 2: 2.0})"
    assert repr(SparseVector(range(9), np.ones(9))).endswith("7: 1.0, …})")


def test_generators_are_read_once() -> None:
    vector = SparseVector([2, 7], [0.5, 1.0])
    assert SparseVector((index for index in (2, 7)), iter([0.5, 1.0])) == vector
    assert SparseVector.from_pairs(iter([(7, 1.0), (2, 0.5)])) == vector
    assert SparseVector.from_dense(weight for weight in (0, 0, 0.5, 0, 0, 0, 0, 1.0)) == vector


@pytest.mark.parametrize("pairs", [None, 7, "ab", [7], [(1, 2.0, 3)], [None], [(None, 1.0)], [("1", 1.0)], [(1, "2")]])
def test_what_is_no_pairs_is_refused(pairs: Any) -> None:
    with pytest.raises(InvalidVector):
        SparseVector.from_pairs(pairs)


@pytest.mark.parametrize("weights", [None, 7, "ab", ["a"], [None], {1: 2.0}, [float("nan")]])
def test_what_is_no_weights_is_refused(weights: Any) -> None:
    with pytest.raises(InvalidVector):
        SparseVector.from_dense(weights)
