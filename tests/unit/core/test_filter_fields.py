"""Filters on fields that no passage can have are refused, wherever a condition can be."""

from __future__ import annotations

import re
from typing import Any

import pytest
from qdrant_client import models as q

from postings.errors import InvalidFilter
from postings.index.fields import FIELDS, checked_filter
from postings.index.payload import HEADS, TOMBSTONES, of_documents
from postings.index.revisions import deleted_before, replaced_by, stale_points
from tests.support.indexes import point

LEGS: dict[str, Any] = {"key": "legs", "match": {"value": 2}}

WRONG: dict[str, tuple[Any, str, str]] = {
    "must": ({"must": [LEGS]}, "filter.must[0].match", "metadata.legs"),
    "must not": ({"must_not": [LEGS]}, "filter.must_not[0].match", "metadata.legs"),
    "should, alone": ({"should": LEGS}, "filter.should.match", "metadata.legs"),
    "min should": ({"min_should": {"conditions": [LEGS], "min_count": 1}}, "conditions[0].match", "metadata.legs"),
    "a filter in a filter": ({"must": [{"should": [LEGS]}]}, "filter.must[0].should[0].match", "metadata.legs"),
    "is empty": ({"must": [{"is_empty": {"key": "legs"}}]}, "filter.must[0].is_empty", "metadata.legs"),
    "is null": ({"must_not": [{"is_null": {"key": "legs"}}]}, "filter.must_not[0].is_null", "metadata.legs"),
    "nested": ({"must": [{"nested": {"key": "legs", "filter": {}}}]}, "filter.must[0].nested", "metadata.legs"),
    "the second": ({"must": [{"key": "title", "match": {"value": "x"}}, LEGS]}, "must[1].match", "metadata.legs"),
    "an id": ({"must": [{"key": "id", "match": {"value": "a"}}]}, "filter.must[0].match", "doc_id"),
    "inside of a text": ({"must": [{"key": "title.x", "is_null": True}]}, "filter.must[0].is_null", "metadata.title.x"),
    "a name that begins alike": ({"must": [{"key": "metadatas", "is_null": True}]}, "is_null", "metadata.metadatas"),
    "in capitals": ({"must": [{"key": "Metadata.legs", "is_null": True}]}, "is_null", "metadata.Metadata.legs"),
    "qdrant-client's": (
        q.Filter(must=[q.FieldCondition(key="legs", range=q.Range(gte=2))]),
        "filter.must[0].range",
        "metadata.legs",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_field_that_no_passage_has_is_refused_with_those_that_there_are(case: str) -> None:
    filter, place, meant = WRONG[case]
    with pytest.raises(InvalidFilter, match=re.escape(f"did you mean {meant!r}?")) as raised:
        checked_filter(filter)
    assert f"{place}: no field is called" in str(raised.value)
    assert "doc_id, ordinal, version, passages, start, end, title, text and metadata.*" in str(raised.value)


@pytest.mark.parametrize("condition", [{"is_empty": {"key": "title"}}, {"key": "title", "is_null": True}])
def test_a_document_without_a_title_is_found_by_an_empty_one(condition: Any) -> None:
    with pytest.raises(InvalidFilter, match=r"which may be empty: expected .*match.: ..value.: ..}}"):
        checked_filter({"should": [condition]})
    absent = {"must": [{"key": "title", "is_empty": None, "match": {"value": "x"}}]}
    assert checked_filter(absent) == absent


@pytest.mark.parametrize(
    "key", [*FIELDS, "metadata", "metadata.legs", "metadata.a.b", "metadata[0]", 'metadata."a.b"', '"metadata".legs']
)
def test_a_field_that_a_passage_can_have_is_taken(key: str) -> None:
    filter = {"must": [{"key": key, "match": {"value": 1}}]}
    assert checked_filter(filter) == filter


def test_conditions_on_the_elements_of_a_list_name_their_own_fields() -> None:
    inner = {"must": [{"key": "beds", "match": {"value": 2}}]}
    filter = {"must": [{"nested": {"key": "metadata.rooms", "filter": inner}}, {"has_id": [7]}]}
    assert checked_filter(filter) == filter


@pytest.mark.parametrize(
    "filter",
    [
        HEADS,
        TOMBSTONES,
        deleted_before(7),
        of_documents(["a"]),
        stale_points("a", 7, 1),
        replaced_by([point("a"), point("b", version=2)]),
    ],
)
def test_filters_of_our_own_are_on_fields_that_there_are(filter: Any) -> None:
    assert checked_filter(filter) == filter


def test_each_point_is_compared_with_its_own_version() -> None:
    one, other, third = (point(id, version=version) for id, version in (("a", 7), ("b", 2), ("c", 7)))
    assert replaced_by([one, third]) == {"must": [{"key": "version", "range": {"lte": 7}}]}
    assert replaced_by([one, other, third]) == {
        "should": [
            {"must": [{"has_id": [one.id, third.id]}, {"key": "version", "range": {"lte": 7}}]},
            {"must": [{"has_id": [other.id]}, {"key": "version", "range": {"lte": 2}}]},
        ]
    }
