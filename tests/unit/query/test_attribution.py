"""Scores, split by dims."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from postings import SparseVector
from postings.errors import InvalidVector
from postings_query.attribution import shared_dims
from tests.support.examples import examples

LARGEST = 2**31 - 1  # tried once: as many weights are laid out, which takes seconds
weights = st.floats(-1000, 1000, width=32).filter(bool)
vectors = st.dictionaries(st.one_of(st.integers(0, 20), st.integers(0, 30_000)), weights, max_size=12).map(
    lambda entries: SparseVector(sorted(entries), [entries[index] for index in sorted(entries)])
)


@example(SparseVector([5, LARGEST], [1.0, 2.0]), [SparseVector([LARGEST], [3.0])])
@settings(max_examples=examples(40))
@given(vectors, st.lists(vectors, max_size=4))
def test_parts_are_the_products_largest_first_and_add_up_to_the_score(
    query: SparseVector, documents: list[SparseVector]
) -> None:
    found = shared_dims(query, documents)
    asked = dict(zip(query.indices.tolist(), query.values.tolist(), strict=True))
    for document, shared in zip(documents, found, strict=True):
        stored = dict(zip(document.indices.tolist(), document.values.tolist(), strict=True))
        expected = {index: asked[index] * stored[index] for index in asked.keys() & stored.keys()}
        assert dict(zip(shared.indices.tolist(), shared.products.tolist(), strict=True)) == expected
        assert sorted(shared.products, reverse=True) == shared.products.tolist()
        score = query.dot(document)
        np.testing.assert_allclose(
            sum(expected.values()), score, rtol=1e-5, atol=1e-5 * sum(map(abs, expected.values()))
        )


def test_documents_may_be_a_generator_but_no_single_vector() -> None:
    query, document = SparseVector([1, 5], [2.0, 1.0]), SparseVector([1, 4], [0.5, 9.0])
    shared = shared_dims(query, (document for _ in range(3)))
    assert [each.products.tolist() for each in shared] == [[1.0]] * 3
    for wrong in (document, None, "abc", [None]):
        with pytest.raises(InvalidVector, match="documents must hold"):
            shared_dims(query, wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidVector, match="query must be a SparseVector"):
        shared_dims(None, [document])  # type: ignore[arg-type]
