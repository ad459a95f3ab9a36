"""Active dims, FLOPS and pruning, against values that were worked out by hand and against plain loops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import SparseVector
from postings_training.evaluation import Sparsity
from postings_training.evaluation.pruning import KEPT, pruning_curve
from postings_training.evaluation.sparsity import top

VECTORS = st.dictionaries(st.integers(0, 9), st.sampled_from([0.5, 1.0, 2.0, 3.0])).map(
    lambda entries: SparseVector.from_pairs(entries.items())
)


def vector(*dims: int) -> SparseVector:
    return SparseVector(dims, [1.0 + dim for dim in dims])


def test_flops_are_the_products_that_a_document_and_a_query_share_on_average() -> None:
    # Dim 1: all documents, half of the queries; dim 2: a third and all; dim 9: no document.
    documents, queries = [vector(1, 2), vector(1), vector(1, 5)], [vector(1, 2), vector(2, 9)]
    sparsity = Sparsity.of(documents, queries)
    assert (sparsity.document_dims, sparsity.query_dims) == pytest.approx((5 / 3, 2))
    assert sparsity.flops == pytest.approx(1 * 1 / 2 + 1 / 3 * 1)


@given(documents=st.lists(VECTORS, min_size=1), queries=st.lists(VECTORS, min_size=1))
def test_flops_are_the_mean_overlap_of_all_pairs(documents: list[SparseVector], queries: list[SparseVector]) -> None:
    overlaps = [len(set(query.indices) & set(document.indices)) for query in queries for document in documents]
    assert Sparsity.of(documents, queries).flops == pytest.approx(sum(overlaps) / len(overlaps))


@given(whole=VECTORS, k=st.integers(0, 12))
def test_pruning_keeps_the_largest_entries_as_they_are(whole: SparseVector, k: int) -> None:
    kept = top(whole, k)
    assert len(kept) == min(k, len(whole))
    weights = dict(zip(whole.indices.tolist(), whole.values.tolist(), strict=True))
    ordered = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:k]
    assert dict(zip(kept.indices.tolist(), kept.values.tolist(), strict=True)) == dict(ordered)
    assert SparseVector(kept.indices, kept.values) == kept


def test_a_pruned_document_is_found_by_what_it_keeps() -> None:
    # The relevant document has the query's dim as its weakest of 9: it is lost at k = 8 and found from k = 16 on.
    relevant = SparseVector(range(9), [1.0, *range(2, 10)])
    other = SparseVector([0], [0.5])
    queries, judgements = {"q": SparseVector([0], [1.0])}, {"q": {"relevant": 1}}
    curve = pruning_curve(["relevant", "other"], [relevant, other], queries, judgements)
    assert [point.k for point in curve.documents] == [point.k for point in curve.queries] == list(KEPT)
    assert [point.ndcg_at_10 for point in curve.documents] == [0, 1, 1, 1, 1, 1]
    assert [point.ndcg_at_10 for point in curve.queries] == [1] * 6
    assert [point.sparsity.document_dims for point in curve.documents][:2] == [4.5, 5]


def test_pruning_says_how_far_it_is() -> None:
    told: list[int] = []
    pruning_curve(["a"], [vector(1)], {"q": vector(1)}, {"q": {"a": 1}}, told.append)
    assert told == list(range(1, 2 * len(KEPT) + 1))
