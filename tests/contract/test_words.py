"""Exact words beside a model: the same weighted sum on every index."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postings import Index, SparseVector
from postings.index import Point, SearchRequest
from postings.index.payload import REVISION_FIELDS, unchanged_since, without_vector
from postings.index.protocol import WordQuery
from postings.words import WORDS, WordsConfig
from tests.contract.test_index import same_index_for_all_examples
from tests.support.examples import examples
from tests.support.indexes import MODEL, point

CONFIG = WordsConfig(average_length=10.0)
OTHER = "fedcba9876543210"

sparse = st.dictionaries(st.integers(0, 8), st.floats(0.125, 4, width=16), min_size=1, max_size=5).map(
    lambda pairs: SparseVector.from_pairs(pairs.items())
)


@pytest.fixture
def index(empty_index: Index) -> Index:
    empty_index.ensure(MODEL, "test model", CONFIG)
    return empty_index


def both(name: str, model: SparseVector | None, words: SparseVector | None) -> Point:
    stored = point(name)
    vectors = {MODEL: model, WORDS: words}
    return Point(stored.id, stored.payload, {each: vector for each, vector in vectors.items() if vector is not None})


def idf(points: Sequence[Point], index: int) -> float:
    """As Qdrant has it, of the points that have words."""
    having = [each.vectors[WORDS] for each in points if WORDS in each.vectors]
    found = sum(index in vector.indices for vector in having)
    return math.log((len(having) - found + 0.5) / (found + 0.5) + 1)


def word_scores(index: Index, words: SparseVector) -> dict[str, float]:
    """By id: the sum of the scores of each word alone."""
    requests = [SearchRequest(SparseVector([each], [1.0]), WORDS, 20) for each in words.indices.tolist()]
    scores: Counter[str] = Counter()
    for hits in index.search_batch(requests):
        scores.update({hit.id: hit.score for hit in hits})
    return scores


@settings(same_index_for_all_examples, max_examples=examples(15))
@given(
    stored=st.lists(st.tuples(st.none() | sparse, st.none() | sparse), min_size=1, max_size=12),
    query=sparse,
    words=st.sets(st.integers(0, 8), min_size=1, max_size=4),
    weight=st.sampled_from([0.25, 0.5, 2.0]),
)
def test_the_score_is_the_weighted_sum_of_both_for_the_candidates_of_either_side(
    index: Index,
    stored: list[tuple[SparseVector | None, SparseVector | None]],
    query: SparseVector,
    words: set[int],
    weight: float,
) -> None:
    index.delete({"must": [{"key": "ordinal", "range": {"gte": 0}}]})
    points = [both(f"{n}", model, exact) for n, (model, exact) in enumerate(stored)]
    index.upsert(points)
    exact = SparseVector(sorted(words), np.ones(len(words)))
    hits = index.search(SearchRequest(query, MODEL, 20, words=WordQuery(exact, weight), with_vector=True))
    alone = word_scores(index, exact)
    scores = {
        each.id: (query.dot(each.vectors[MODEL]) if MODEL in each.vectors else 0.0) + weight * alone.get(each.id, 0.0)
        for each in points
    }
    expected = {id: total for id, total in scores.items() if total}
    assert {hit.id: hit.score for hit in hits} == pytest.approx(expected, rel=1e-5)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {hit.id: hit.vectors for hit in hits} == {each.id: each.vectors for each in points if each.id in expected}


def test_one_word_among_some_points_gives_its_document_frequency(index: Index) -> None:
    points = [both(str(n), None, SparseVector([1, 2 + n % 2], [1.0, 2.0])) for n in range(6)]
    index.upsert(points)
    some = [each.id for each in points[:3]]
    request = SearchRequest(
        SparseVector([2], [1.0]), WORDS, limit=3, filter={"must": [{"has_id": some}]}, fields=["version"]
    )
    hits = index.search(request)
    assert {hit.id: hit.score for hit in hits} == pytest.approx(
        {id: 2 * idf(points, 2) for id in (some[0], some[2])}, rel=1e-6
    )
    assert all(hit.payload.keys() == {"version"} for hit in hits)


@pytest.mark.parametrize("fusion", ["sum", "rrf", "dbsf"])
def test_filters_hold_on_both_sides_and_pages_are_slices(index: Index, fusion: str) -> None:
    vectors = [(SparseVector([1], [n / 8]), SparseVector([1], [2 - n / 16])) for n in range(1, 30)]
    points = [both(str(n), *each) for n, each in enumerate(vectors)]
    for n, each in enumerate(points):
        each.payload["metadata"]["even"] = n % 2 == 0  # type: ignore[index]
    index.upsert(points)
    query = WordQuery(SparseVector([1], [1.0]), 0.5, fusion)  # type: ignore[arg-type]
    filter = {"must": [{"key": "metadata.even", "match": {"value": True}}]}

    def ids(limit: int, offset: int) -> list[str]:
        request = SearchRequest(SparseVector([1], [1.0]), MODEL, limit, offset, filter=filter, words=query)
        return [hit.id for hit in index.search(request)]

    whole = ids(20, 0)
    assert set(whole) == {each.id for n, each in enumerate(points) if n % 2 == 0}
    assert [*ids(4, 0), *ids(4, 4), *ids(10, 8)] == whole


def test_a_threshold_applies_to_the_sum(index: Index) -> None:
    points = [both(str(n), SparseVector([1], [float(n)]), SparseVector([1], [1.0])) for n in range(1, 6)]
    index.upsert(points)
    words = WordQuery(SparseVector([1], [1.0]), 8.0)
    every = index.search(SearchRequest(SparseVector([1], [1.0]), MODEL, words=words))
    third = every[2].score
    kept = index.search(SearchRequest(SparseVector([1], [1.0]), MODEL, words=words, score_threshold=third))
    assert [hit.id for hit in kept] == [hit.id for hit in every[:3]]
    assert third > 3.0


def test_equal_sums_are_in_the_order_of_their_ids(index: Index) -> None:
    points = [both(str(n), SparseVector([1], [1.0]), SparseVector([1], [1.0])) for n in range(30)]
    index.upsert(points)
    words = WordQuery(SparseVector([1], [1.0]), 1.0)
    requests = [SearchRequest(SparseVector([1], [1.0]), MODEL, 7, offset, words=words) for offset in range(0, 35, 7)]
    found = [hit.id for page in index.search_batch(requests) for hit in page]
    assert found == sorted(each.id for each in points)


def test_a_collection_without_words_gets_them(empty_index: Index) -> None:
    assert empty_index.ensure(MODEL, "test model").words is None
    empty_index.upsert([point("1"), point("2")])
    for _ in range(2):
        assert empty_index.set_words(CONFIG).words == CONFIG
    assert empty_index.models() == empty_index.info().models
    assert empty_index.models().vectors == [MODEL, WORDS]
    lacking = list(empty_index.scroll(without_vector(WORDS), fields=REVISION_FIELDS))
    assert len(lacking) == 2
    word = SparseVector([7], [1.5])
    empty_index.update_vectors([Point(each.id, {}, {WORDS: word}) for each in lacking], unchanged_since(lacking))
    hits = empty_index.search(
        SearchRequest(SparseVector([9], [1.0]), MODEL, words=WordQuery(SparseVector([7], [1.0]), 1.0))
    )
    assert [hit.score for hit in hits] == pytest.approx([1.5 * math.log(0.5 / 2.5 + 1)] * 2, rel=1e-5)


def test_how_words_are_read_stays_when_models_come_and_go(index: Index) -> None:
    index.upsert([both("1", SparseVector([1], [1.0]), SparseVector([2], [3.0]))])
    index.add_model(OTHER, "new")
    changed = WordsConfig(weight=0.75, language="german", average_length=3.0)
    assert index.set_words(changed).words == changed
    index.switch_model(OTHER)
    models = index.drop_model(MODEL)
    assert (models.words, models.vectors) == (changed, [OTHER, WORDS])
    assert index.ensure(OTHER, "new", WordsConfig()).words == changed
    assert next(iter(index.scroll(vectors=models.vectors))).vectors == {WORDS: SparseVector([2], [3.0])}


def test_a_query_that_says_nothing_to_the_model_is_answered_by_its_words(index: Index) -> None:
    points = [both(str(n), SparseVector([1], [1.0]), SparseVector([n], [1.0])) for n in (1, 2)]
    index.upsert(points)
    words = WordQuery(SparseVector([2], [1.0]), 1.0)
    (hit,) = index.search(SearchRequest(SparseVector([], []), MODEL, words=words))
    assert (hit.id, hit.score) == (points[1].id, pytest.approx(idf(points, 2), rel=1e-6))
