"""What every index must do, the same on each engine."""

from __future__ import annotations

import math
import os
import random
import uuid
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postings import Index, SparseVector
from postings.errors import CollectionNotFound, IndexUnavailable, ModelMismatch
from postings.index import Point, SearchRequest
from postings.index.payload import passage_from, tombstone_point
from postings.index.server import ServerIndex
from tests.support.indexes import MODEL, SERVER_URL, passage, point, server_settings
from tests.support.strategies import metadata

same_index_for_all_examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_a_qdrant_server_is_among_the_engines() -> None:
    if not os.environ.get(SERVER_URL):
        pytest.skip(f"no Qdrant server: set {SERVER_URL} to run every contract test on one too")
    ServerIndex.connect(server_settings("not-there")).close()


def search(index: Index, vector: SparseVector, **options: Any) -> list[str]:
    return [hit.payload["doc_id"] for hit in index.search(SearchRequest(vector, MODEL, **options))]


def test_a_collection_that_is_not_there_is_reported_by_every_call(empty_index: Index) -> None:
    calls = [
        lambda: empty_index.info(),
        lambda: empty_index.upsert([point("a")]),
        lambda: empty_index.delete({"must": []}),
        lambda: empty_index.search(SearchRequest(SparseVector([1], [1.0]), MODEL)),
        lambda: empty_index.retrieve([str(uuid.uuid4())]),
        lambda: list(empty_index.scroll()),
        lambda: empty_index.count(),
    ]
    for call in calls:
        with pytest.raises(CollectionNotFound, match=rf"{empty_index.collection}.*there (is no other|are: )"):
            call()


def test_ensure_creates_once_and_remembers_the_model(empty_index: Index) -> None:
    created = empty_index.ensure(MODEL, "first")
    assert empty_index.ensure(MODEL, "first") == created
    models = empty_index.info().models
    assert (models.active, models.active_name) == (MODEL, "first")


def test_ensure_refuses_a_model_that_the_collection_does_not_have(index: Index) -> None:
    with pytest.raises(ModelMismatch, match=r"holds vectors of model 'test model' .* not of 'other'"):
        index.ensure("f" * 32, "other")


def test_an_upsert_inserts_what_is_absent_and_replaces_what_is_not_newer(index: Index) -> None:
    index.upsert([point("older", version=1), point("equal", version=2), point("newer", version=3)])
    index.upsert(
        [point(id, SparseVector([9], [2.0]), version=2) for id in ("older", "equal", "newer", "absent")],
        keep_newer=True,
    )
    stored = {p.payload["doc_id"]: (p.payload["version"], p.vectors[MODEL]) for p in index.scroll(vectors=[MODEL])}
    replaced = (2, SparseVector([9], [2.0]))
    assert stored == {
        "older": replaced,
        "equal": replaced,
        "absent": replaced,
        "newer": (3, SparseVector([1], [1.0])),
    }


def test_a_tombstone_replaces_the_vector_too_and_is_never_found(index: Index) -> None:
    index.upsert([point("gone", version=1), point("here", version=1)])
    index.upsert([tombstone_point("gone", 2, 1_700_000_000_000)], keep_newer=True)
    assert search(index, SparseVector([1], [1.0])) == ["here"]
    assert index.count() == 2


def test_a_search_gives_the_best_first_with_exact_scores(index: Index) -> None:
    index.upsert([point("low", SparseVector([1, 5], [0.25, 9.0])), point("high", SparseVector([1, 2], [1.0, 0.5]))])
    hits = index.search(SearchRequest(SparseVector([1, 2], [2.0, 4.0]), MODEL))
    assert [(hit.payload["doc_id"], hit.score) for hit in hits] == [("high", 4.0), ("low", 0.5)]


def test_points_that_share_no_dim_with_the_query_are_not_found(index: Index) -> None:
    index.upsert([point("a", SparseVector([1], [1.0]))])
    assert search(index, SparseVector([2], [1.0])) == []
    assert search(index, SparseVector([], [])) == []


def test_limit_and_offset_page_through_the_hits(index: Index) -> None:
    index.upsert([point(f"{n:02}", SparseVector([1], [1.0 + n])) for n in range(20)])
    query = SparseVector([1], [1.0])
    everything = search(index, query, limit=100)
    assert everything == [f"{n:02}" for n in reversed(range(20))]
    assert search(index, query, limit=6, offset=12) == everything[12:18]
    assert search(index, query, limit=6, offset=30) == []


def test_a_threshold_keeps_scores_from_there_up(index: Index) -> None:
    index.upsert([point(str(n), SparseVector([1], [float(n)])) for n in range(1, 5)])
    assert search(index, SparseVector([1], [1.0]), score_threshold=2.5) == ["4", "3"]


def test_equal_scores_come_in_the_order_of_their_ids(index: Index) -> None:
    index.upsert([point(str(n)) for n in range(20)])
    hits = index.search(SearchRequest(SparseVector([1], [1.0]), MODEL, limit=20))
    assert [hit.id for hit in hits] == sorted(hit.id for hit in hits)


def test_a_batch_answers_in_the_order_of_its_requests(index: Index) -> None:
    index.upsert([point("one", SparseVector([1], [1.0])), point("two", SparseVector([2], [1.0]))])
    requests = [SearchRequest(SparseVector([dim], [1.0]), MODEL) for dim in (2, 3, 1)]
    answers = index.search_batch(requests)
    assert [[hit.payload["doc_id"] for hit in answer] for answer in answers] == [["two"], [], ["one"]]
    assert index.search_batch([]) == []


def test_a_hit_carries_its_vector_only_when_asked(index: Index) -> None:
    vector = SparseVector([1, 7], [0.125, 3.5])
    index.upsert([point("a", vector)])
    query = SparseVector([1], [1.0])
    assert index.search(SearchRequest(query, MODEL))[0].vectors == {}
    assert index.search(SearchRequest(query, MODEL, with_vector=True))[0].vectors == {MODEL: vector}


def test_a_search_with_a_model_that_is_not_there_fails(index: Index) -> None:
    index.upsert([point("a")])
    with pytest.raises(ModelMismatch, match="f" * 16):
        index.search(SearchRequest(SparseVector([1], [1.0]), "f" * 16))


def test_retrieve_keeps_the_order_and_leaves_out_what_is_not_there(index: Index) -> None:
    a, b = passage("a"), passage("b")
    index.upsert([point("a"), point("b")])
    found = index.retrieve([b.id, str(uuid.uuid4()), a.id], vectors=[MODEL])
    assert [p.id for p in found] == [b.id, a.id]
    assert [passage_from(p.payload) for p in found] == [b, a]
    assert all(p.vectors == {MODEL: SparseVector([1], [1.0])} for p in found)
    assert index.retrieve([]) == []


def test_scroll_goes_through_everything_once_in_the_order_of_ids(index: Index) -> None:
    points = [point(str(n)) for n in range(700)]
    index.upsert(points)
    ids = [p.id for p in index.scroll()]
    assert ids == sorted(p.id for p in points)


@pytest.mark.parametrize("fields", [["doc_id"], []])
def test_only_the_fields_that_are_asked_for_are_read(index: Index, fields: list[str]) -> None:
    index.upsert([point("a")])
    (hit,) = index.search(SearchRequest(SparseVector([1], [1.0]), MODEL, fields=fields))
    (stored,) = index.retrieve([hit.id], fields=fields)
    (scrolled,) = index.scroll(fields=fields)
    for each in (hit, stored, scrolled):
        assert list(each.payload) == fields
        assert each.vectors == {}


def test_count_and_delete_follow_a_filter(index: Index) -> None:
    index.upsert([point(str(n), version=n) for n in range(10)])
    low = {"must": [{"key": "version", "range": {"lt": 4}}]}
    assert index.count(low) == 4
    index.delete(low)
    assert index.count(low) == 0
    assert index.count() == 6


def test_a_closed_index_answers_with_an_error(index: Index) -> None:
    index.close()
    index.close()
    with pytest.raises(IndexUnavailable, match="the index was closed"):
        index.count()


weights = st.dictionaries(st.integers(0, 2**31 - 1), st.floats(2.0**-126, 2.0**100, width=32), min_size=1, max_size=50)


@same_index_for_all_examples
@given(metadata=metadata, vector=weights)
def test_what_is_stored_is_read_back(index: Index, metadata: dict[str, Any], vector: dict[int, float]) -> None:
    sparse = SparseVector.from_pairs(vector.items())
    stored = Point(str(uuid.uuid4()), {"doc_id": "x", "version": 1, "metadata": metadata}, {MODEL: sparse})
    index.upsert([stored])
    (read,) = index.retrieve([stored.id], vectors=[MODEL])
    assert read.vectors == stored.vectors
    assert same_json(read.payload, stored.payload)


def same_json(read: Any, stored: Any) -> bool:
    """Equality to the last type; the engine parses floats to within one unit in the last place."""
    if isinstance(stored, dict):
        return read.keys() == stored.keys() and all(same_json(read[key], stored[key]) for key in stored)
    if isinstance(stored, list):
        return len(read) == len(stored) and all(map(same_json, read, stored))
    if isinstance(stored, float):
        return isinstance(read, float) and math.isclose(read, stored, rel_tol=1e-15)
    return type(read) is type(stored) and bool(read == stored)


def test_scores_are_the_exact_dot_products_on_random_vectors(index: Index) -> None:
    rng = np.random.default_rng(7)

    def vector(size: int) -> SparseVector:
        dims = np.unique(rng.zipf(1.3, size) % 30522)
        return SparseVector(dims, rng.uniform(0.01, 3, len(dims)))

    documents = {str(n): vector(120) for n in range(600)}
    index.upsert([point(id, v) for id, v in documents.items()])
    for _ in range(20):
        query = vector(20)
        exact = sorted(((query.dot(v), id) for id, v in documents.items() if query.dot(v) > 0), reverse=True)
        hits = index.search(SearchRequest(query, MODEL, limit=50))
        assert [hit.payload["doc_id"] for hit in hits] == [id for _, id in exact[:50]]
        np.testing.assert_allclose([hit.score for hit in hits], [score for score, _ in exact[:50]], rtol=1e-4)


def test_many_updates_and_deletes_leave_what_a_dictionary_would(index: Index) -> None:
    rng = random.Random(3)
    model: dict[str, int] = {}
    for version in range(1, 60):
        chosen = [str(rng.randrange(40)) for _ in range(rng.randrange(1, 12))]
        if version % 5 == 0:
            index.delete({"must": [{"key": "doc_id", "match": {"any": chosen}}]})
            for id in chosen:
                model.pop(id, None)
        else:
            index.upsert([point(id, version=version) for id in dict.fromkeys(chosen)])
            model |= dict.fromkeys(chosen, version)
    assert {p.payload["doc_id"]: p.payload["version"] for p in index.scroll()} == model
