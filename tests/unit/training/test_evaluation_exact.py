"""Exact search against products that are added one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import SparseVector
from postings_training.evaluation import ExactSearch

VECTORS = st.dictionaries(st.integers(0, 12), st.integers(1, 8).map(float)).map(
    lambda entries: SparseVector.from_pairs(entries.items())
)


@given(documents=st.lists(VECTORS, min_size=1, max_size=12), query=VECTORS, limit=st.integers(1, 14))
def test_it_finds_what_brute_force_finds(documents: list[SparseVector], query: SparseVector, limit: int) -> None:
    ids = [f"d{at:02}" for at in range(len(documents))]
    scores = {id: query.dot(document) for id, document in zip(ids, documents, strict=True)}
    order = sorted((id for id in ids if scores[id]), key=lambda name: (-scores[name], name))[:limit]
    found = ExactSearch(ids, documents)(query, limit)
    assert list(found) == order
    assert found == pytest.approx({id: scores[id] for id in order})


@given(passages=st.lists(st.tuples(st.sampled_from("abc"), VECTORS), min_size=1), query=VECTORS)
def test_a_document_counts_by_its_best_passage(passages: list[tuple[str, SparseVector]], query: SparseVector) -> None:
    best: dict[str, float] = {}
    for id, vector in passages:
        best[id] = max(best.get(id, 0), query.dot(vector))
    found = ExactSearch([id for id, _ in passages], [vector for _, vector in passages])(query)
    assert found == pytest.approx({id: score for id, score in best.items() if score})


def test_documents_rank_by_id_where_scores_are_equal_and_at_the_cut_too() -> None:
    same = SparseVector([3], [1.0])
    search = ExactSearch(["z", "b", "a", "m"], [same] * 4)
    assert list(search(SparseVector([3], [2.0]), limit=3)) == ["a", "b", "m"]


def test_a_dim_that_no_document_has_finds_nothing() -> None:
    search = ExactSearch(["a"], [SparseVector([3], [1.0])])
    assert search(SparseVector([2, 4, 2**31 - 1], [1.0, 1.0, 1.0])) == {}
    assert search(SparseVector([], [])) == {}


def test_vectors_may_be_empty() -> None:
    nothing = SparseVector([], [])
    assert ExactSearch(["a", "b"], [nothing, nothing])(SparseVector([0], [1.0])) == {}
    assert ExactSearch(["a", "b"], [nothing, SparseVector([0], [1.0])])(SparseVector([0], [1.0])) == {"b": 1.0}
