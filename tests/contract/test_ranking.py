"""One list on every engine: pages never overlap, whatever ties, and a threshold keeps what equals it."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postings import Index, SparseVector
from postings.errors import InvalidInput, InvalidQuery
from postings.index import SearchRequest
from tests.contract.test_index import same_index_for_all_examples
from tests.support.examples import examples
from tests.support.indexes import MODEL, point

QUERY = 0.3
_dims = itertools.count(1)


def ranked(index: Index, weights: list[float]) -> tuple[SparseVector, list[tuple[float, str]]]:
    """Store a point for each weight under a dim of their own; the query for them, and score and id of each, sorted."""
    dim = next(_dims)
    points = [point(f"{dim} {n}", SparseVector([dim], [weight])) for n, weight in enumerate(weights)]
    index.upsert(points)
    scores = [float(np.float32(QUERY) * np.float32(weight)) for weight in weights]
    listed = sorted(
        ((score, each.id) for score, each in zip(scores, points, strict=True)), key=lambda it: (-it[0], it[1])
    )
    return SparseVector([dim], [QUERY]), listed


def found(hits: list[Any]) -> list[tuple[float, str]]:
    return [(hit.score, hit.id) for hit in hits]


@settings(same_index_for_all_examples, max_examples=examples(10))
@given(
    weights=st.lists(st.sampled_from([0.1, 0.7, 1.3]), min_size=25, max_size=60),
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=8),
    with_vector=st.booleans(),
    bound=st.none() | st.sampled_from([0.1, 0.7, 1.3]),
    above=st.booleans(),
)
def test_any_pages_are_slices_of_one_sorted_list(
    index: Index, weights: list[float], sizes: list[int], with_vector: bool, bound: float | None, above: bool
) -> None:
    query, expected = ranked(index, weights)
    threshold = None
    if bound is not None:
        threshold = float(np.float32(QUERY) * np.float32(bound))
        threshold = float(np.nextafter(np.float32(threshold), np.float32(math.inf))) if above else threshold
        expected = [each for each in expected if each[0] >= threshold]
    starts = [0, *itertools.accumulate(sizes)]
    pages = [
        SearchRequest(query, MODEL, limit, offset, score_threshold=threshold, with_vector=with_vector)
        for offset, limit in zip(starts, sizes, strict=False)
    ]
    answers = index.search_batch(iter(pages))
    assert [found(hits) for hits in answers] == [expected[p.offset : p.offset + p.limit] for p in pages]
    for hit in itertools.chain.from_iterable(answers):
        assert hit.payload["text"].startswith(hit.payload["doc_id"])
        assert list(hit.vectors) == [MODEL] * with_vector


def test_a_page_deep_in_a_long_tie_is_its_part_of_the_list(index: Index) -> None:
    query, expected = ranked(index, [1.0] * 700 + [2.0] * 3)
    for offset in (0, 1, 2, 3, 4, 300, 692, 693, 694, 703, 704):
        assert found(index.search(SearchRequest(query, MODEL, 10, offset))) == expected[offset : offset + 10]


def test_the_order_of_equal_scores_outlives_updates(index: Index) -> None:
    query, expected = ranked(index, [0.7] * 90)
    (dim,) = query.indices
    index.upsert([point(f"{dim} {n}", SparseVector([dim], [0.7]), version=2) for n in range(0, 90, 3)], keep_newer=True)
    pages = [index.search(SearchRequest(query, MODEL, 7, offset)) for offset in range(0, 90, 7)]
    assert found(list(itertools.chain.from_iterable(pages))) == expected


def test_a_hit_stays_where_its_own_score_is_the_threshold(index: Index) -> None:
    query, expected = ranked(index, [0.1, 0.7, 1.3, 1e-30, 1e30])
    for at, (score, _) in enumerate(expected):
        for size in (10, 1):
            request = SearchRequest(query, MODEL, size, score_threshold=score)
            assert found(index.search(request)) == expected[: at + 1][:size]


def test_a_threshold_that_is_written_as_the_weight_is_keeps_the_hit(index: Index) -> None:
    for n in range(1, 100):
        query, _ = SparseVector([n], [1.0]), index.upsert([point(str(n), SparseVector([n], [n / 100]))])
        assert len(index.search(SearchRequest(query, MODEL, score_threshold=n / 100))) == 1
        assert not index.search(SearchRequest(query, MODEL, score_threshold=n / 100 + 1e-6))


@pytest.mark.parametrize(
    ("threshold", "hits"),
    [(math.inf, 0), (1e300, 0), (10**400, 0), (-math.inf, 2), (-1e300, 2), (-(10**400), 2), (0, 2), (-5, 2)],
)
def test_a_threshold_may_be_any_number(index: Index, threshold: float, hits: int) -> None:
    query, expected = ranked(index, [1.0, 2.0])
    assert found(index.search(SearchRequest(query, MODEL, score_threshold=threshold))) == expected[:hits]


def test_ten_thousand_hits_may_be_asked_for(index: Index) -> None:
    query, expected = ranked(index, [1.0] * 30)
    assert found(index.search(SearchRequest(query, MODEL, limit=10_000))) == expected
    assert found(index.search(SearchRequest(query, MODEL, limit=9_990, offset=10))) == expected[10:]


def test_a_generator_is_read_once_wherever_several_values_are_taken(index: Index) -> None:
    points = [point(str(n), SparseVector([1], [1.0])) for n in range(300)]
    index.upsert(each for each in points)
    assert index.count({"must": ({"key": "doc_id", "match": {"any": iter("12")}} for _ in "a")}) == 2
    ids = [each.id for each in points[:70]]
    read = index.retrieve(iter(ids), vectors=iter([MODEL]))
    assert [(each.id, list(each.vectors)) for each in read] == [(id, [MODEL]) for id in ids]
    anything = {"must": ({"key": "version", "range": {"gte": 0}} for _ in "a")}
    scrolled = list(index.scroll(anything, fields=iter(["doc_id"]), vectors=iter([MODEL])))  # type: ignore[arg-type]
    assert len(scrolled) == 300
    assert all(list(each.payload) == ["doc_id"] and list(each.vectors) == [MODEL] for each in scrolled)
    tied = SearchRequest(SparseVector([1], [1.0]), MODEL, 5, 40, filter={"must": iter([{"has_id": iter(ids)}])})
    assert [hit.id for hit in index.search(tied)] == sorted(ids)[40:45]


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": "10"},
        {"limit": True},
        {"limit": 10.0},
        {"limit": None},
        {"limit": 0},
        {"offset": "0"},
        {"offset": False},
        {"offset": -1},
        {"score_threshold": "x"},
        {"score_threshold": math.nan},
        {"score_threshold": True},
        {"vector": [1.0]},
        {"using": None},
    ],
    ids=str,
)
def test_a_search_of_wrong_types_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuery):
        SearchRequest(**{"vector": SparseVector([1], [1.0]), "using": MODEL, **wrong})


def test_numbers_of_numpy_are_numbers(index: Index) -> None:
    query, expected = ranked(index, [1.0, 2.0, 3.0])
    request = SearchRequest(query, MODEL, np.int64(1), np.int32(1), score_threshold=np.float32(0.1))  # type: ignore[arg-type]
    assert found(index.search(request)) == expected[1:2]


def test_what_holds_no_values_is_refused(index: Index) -> None:
    calls: list[Any] = [
        lambda: index.search(None),  # type: ignore[arg-type]
        lambda: index.search_batch(SearchRequest(SparseVector([1], [1.0]), MODEL)),  # type: ignore[arg-type]
        lambda: index.retrieve("abc"),
        lambda: index.retrieve([7]),  # type: ignore[list-item]
        lambda: index.retrieve([], vectors=MODEL),
        lambda: list(index.scroll(fields="doc_id")),
        lambda: index.upsert("abc"),  # type: ignore[arg-type]
        lambda: index.upsert(point("a")),  # type: ignore[arg-type]
        lambda: index.upsert([{"id": "a"}]),  # type: ignore[list-item]
    ]
    for call in calls:
        with pytest.raises(InvalidInput):
            call()
    assert index.count() == 0
