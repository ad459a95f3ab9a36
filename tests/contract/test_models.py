"""The models of a collection: added, filled, switched and dropped, the same on every index."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from postings import Index, SparseVector
from postings.errors import ConfigurationError, InvalidInput, ModelMismatch
from postings.index import Point, SearchRequest
from postings.index.models import CollectionModels
from postings.index.payload import REVISION_FIELDS, tombstone_point, unchanged_since, without_vector
from tests.support.indexes import MODEL, point

OTHER = "fedcba9876543210"
VECTOR = SparseVector([5], [2.0])


def filled(points: Sequence[Point], vector: SparseVector = VECTOR) -> list[Point]:
    return [Point(each.id, {}, {OTHER: vector}) for each in points]


def read(index: Index) -> list[Point]:
    return list(index.scroll(without_vector(OTHER), fields=REVISION_FIELDS))


def test_a_collection_begins_with_one_model_and_takes_others(empty_index: Index) -> None:
    empty_index.ensure(MODEL, "tiny")
    assert empty_index.models().active_name == "tiny"
    for _ in range(2):
        models = empty_index.add_model(OTHER, "models/new")
        assert dict(models.names) == {MODEL: "tiny", OTHER: "models/new"}
        assert (models.active, models.previous) == (MODEL, None)
    assert empty_index.models() == empty_index.info().models == models
    assert empty_index.ensure(OTHER, "models/new") == models


def test_a_switch_names_the_previous_model_and_can_be_taken_back(empty_index: Index) -> None:
    empty_index.ensure(MODEL, "tiny")
    with pytest.raises(ModelMismatch):
        empty_index.switch_model(OTHER)
    empty_index.add_model(OTHER, "new")
    for _ in range(2):
        models = empty_index.switch_model(OTHER)
        assert (models.active, models.previous) == (OTHER, MODEL)
    assert empty_index.models() == models
    models = empty_index.switch_model(MODEL)
    assert (models.active, models.previous) == (MODEL, OTHER)


def test_what_cannot_name_a_model_is_refused_and_changes_nothing(empty_index: Index) -> None:
    with pytest.raises(InvalidInput, match="name of a model"):
        empty_index.ensure(MODEL, Path("tiny"))  # type: ignore[arg-type]
    empty_index.ensure(MODEL, "tiny")
    wrong: list[Any] = [(OTHER, Path("models/new")), (OTHER, ""), (OTHER, 5), (None, "new"), ("", "new"), (5, "new")]
    for fingerprint, name in wrong:
        with pytest.raises(InvalidInput, match="of a model must be a string"):
            empty_index.add_model(fingerprint, name)
    with pytest.raises(ModelMismatch):
        empty_index.switch_model(None)  # type: ignore[arg-type]
    assert dict(empty_index.models().names) == {MODEL: "tiny"}


def test_a_dropped_model_is_gone_with_its_vectors_and_the_active_one_cannot_be_dropped(empty_index: Index) -> None:
    empty_index.ensure(MODEL, "tiny")
    empty_index.upsert([point("1")])
    empty_index.add_model(OTHER, "new")
    empty_index.update_vectors(filled([point("1")]), unchanged_since(read(empty_index)))
    with pytest.raises(ConfigurationError, match="is active"):
        empty_index.drop_model(MODEL)
    empty_index.switch_model(OTHER)
    for _ in range(2):
        models = empty_index.drop_model(MODEL)
        assert dict(models.names) == {OTHER: "new"}
        assert (models.active, models.previous) == (OTHER, None)
    with pytest.raises(ModelMismatch):
        empty_index.search(SearchRequest(VECTOR, MODEL))
    with pytest.raises(ModelMismatch):
        empty_index.upsert([point("2")])
    assert [hit.score for hit in empty_index.search(SearchRequest(VECTOR, OTHER))] == [4.0]
    assert empty_index.add_model(MODEL, "tiny").previous is None
    assert [set(each.vectors) for each in empty_index.scroll(vectors=[MODEL, OTHER])] == [{OTHER}]


def test_what_lacks_a_vector_is_found_until_it_has_one_even_an_empty_one(empty_index: Index) -> None:
    empty_index.ensure(MODEL, "tiny")
    points = [point(str(number), version=number) for number in range(4)]
    empty_index.upsert([*points, tombstone_point("gone", 1, 1)])
    empty_index.add_model(OTHER, "new")
    assert {each.id for each in read(empty_index)} == {each.id for each in points}
    assert empty_index.count(without_vector(OTHER)) == 4
    found = read(empty_index)
    empty_index.update_vectors(filled(found[:3]), unchanged_since(found))
    empty_index.update_vectors(filled(found[3:], SparseVector([], [])), unchanged_since(found))
    assert read(empty_index) == []
    assert empty_index.count(without_vector(MODEL)) == 0
    assert len(empty_index.search(SearchRequest(VECTOR, OTHER))) == 3
    assert len(empty_index.search(SearchRequest(SparseVector([1], [1.0]), MODEL))) == 4


def test_only_points_that_are_still_as_they_were_read_get_a_vector(empty_index: Index) -> None:
    empty_index.ensure(MODEL, "tiny")
    empty_index.upsert([point(str(number), version=1) for number in range(5)])
    empty_index.add_model(OTHER, "new")
    found = read(empty_index)
    same, newer, rewritten, gone, filled_already = (
        next(each for each in found if each.payload["text"].startswith(f"{number} ")) for number in range(5)
    )
    empty_index.upsert([point("1", version=2)])
    changed = point("2", version=1)
    empty_index.upsert([Point(changed.id, {**changed.payload, "text": "another text"}, changed.vectors)])
    empty_index.delete({"must": [{"has_id": [gone.id]}]})
    better = SparseVector([5], [9.0])
    empty_index.update_vectors(filled([filled_already], better), unchanged_since([filled_already]))
    nobody = Point(str(uuid.uuid4()), {"version": 1, "title": "", "text": "-"})
    empty_index.update_vectors(filled([nobody, *found]), unchanged_since([nobody, *found]))
    stored = {each.id: each.vectors.get(OTHER) for each in empty_index.scroll(vectors=[OTHER])}
    assert stored == {same.id: VECTOR, newer.id: None, rewritten.id: None, filled_already.id: VECTOR}


def test_points_that_are_gone_keep_no_others_from_their_vectors(empty_index: Index) -> None:
    empty_index.ensure(MODEL, "tiny")
    empty_index.upsert([point(str(number), version=1) for number in range(100)])
    empty_index.add_model(OTHER, "new")
    found = read(empty_index)
    gone = {found[at].id for at in (0, 40, 41, 99)}
    empty_index.delete({"must": [{"has_id": sorted(gone)}]})
    empty_index.update_vectors(filled(found), unchanged_since(found))
    stored = {each.id for each in empty_index.scroll(vectors=[OTHER]) if OTHER in each.vectors}
    assert stored == {each.id for each in found} - gone


def test_a_digest_alone_says_that_a_passage_is_unchanged(empty_index: Index) -> None:
    empty_index.ensure(MODEL, "tiny")
    one, other = (
        Point(each.id, {**each.payload, "digest": f"digest {each.payload['doc_id']}"}, each.vectors)
        for each in (point("1"), point("2"))
    )
    empty_index.upsert([one, other])
    empty_index.add_model(OTHER, "new")
    found = read(empty_index)
    # The metadata of the first are new; the text of the second is now that of the first.
    empty_index.upsert([Point(one.id, {**one.payload, "version": 9}, one.vectors)])
    empty_index.upsert([Point(other.id, {**other.payload, "digest": one.payload["digest"]}, other.vectors)])
    empty_index.update_vectors(filled(found), unchanged_since(found))
    stored = {each.id: each.vectors.get(OTHER) for each in empty_index.scroll(vectors=[OTHER])}
    assert stored == {one.id: VECTOR, other.id: None}


def test_another_revision_leaves_no_vector_of_the_old_one(empty_index: Index) -> None:
    empty_index.ensure(MODEL, "tiny")
    empty_index.upsert([point("1", version=1)])
    empty_index.add_model(OTHER, "new")
    found = read(empty_index)
    empty_index.update_vectors(filled(found), unchanged_since(found))
    empty_index.upsert([point("1", version=2)], keep_newer=True)
    (stored,) = empty_index.scroll(vectors=[MODEL, OTHER])
    assert set(stored.vectors) == {MODEL}
    assert len(read(empty_index)) == 1


def test_a_condition_of_many_revisions_is_taken(empty_index: Index) -> None:
    empty_index.ensure(MODEL, "tiny")
    empty_index.upsert([point(str(number), version=number) for number in range(300)])
    empty_index.add_model(OTHER, "new")
    found = read(empty_index)
    empty_index.update_vectors(filled(found), unchanged_since(found))
    assert empty_index.count(without_vector(OTHER)) == 0


def test_a_model_is_found_by_what_a_user_may_call_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models" / "new"
    folder.mkdir(parents=True)
    (tmp_path / "latest").symlink_to(folder)
    monkeypatch.chdir(tmp_path / "models")
    models = CollectionModels.of(MODEL, "tiny").with_model(OTHER, str(folder.resolve()))
    for name in (OTHER, OTHER[:4], folder, "new", "models/new", "./models/new/", "../models/new", "../latest"):
        assert models.find(str(name), "articles") == OTHER
    for unknown in ("", ".", "/", "w", "els/new", "new/new", "*", "~nobody/new"):
        with pytest.raises(ModelMismatch, match="no model is called"):
            models.find(unknown, "articles")
    with pytest.raises(ModelMismatch, match="several models are called 'models/new'"):
        models.with_model("8" * 16, "/srv/models/new").find("models/new", "articles")
