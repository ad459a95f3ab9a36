"""What is taken for a filter: qdrant-client's, or any mappings, iterables and numbers that say the same in JSON."""

from __future__ import annotations

import datetime
import types
import uuid
from typing import Any

import numpy as np
import pytest
import qdrant_edge as edge
from qdrant_client import models as q

from postings.errors import InvalidFilter
from postings.index.embedded.filters import to_edge
from postings.index.fields import checked_filter
from postings.index.filters import as_json
from postings.index.server.conversion import to_filter
from tests.support.filters import ONE, field, must


def test_an_empty_filter_has_no_conditions() -> None:
    for empty in ({}, {"must": None}, {"must": None, "min_should": None}, as_json(q.Filter())):
        assert repr(to_edge(empty)) == repr(edge.Filter())
    assert to_edge({"must": []}).must == []


def test_any_mapping_is_taken_for_json() -> None:
    proxy = types.MappingProxyType(must(types.MappingProxyType({"has_vector": "v"})))
    assert as_json(proxy) == must({"has_vector": "v"})
    assert repr(to_edge(as_json(proxy))) == repr(to_edge(must({"has_vector": "v"})))


def test_lists_may_be_any_iterables_and_conditions_those_of_qdrant_client() -> None:
    plain = [{"key": "a", "match": {"any": ["x", "y"]}}, {"key": "b", "range": {"gte": 1.0}}]
    condition = q.FieldCondition(key="b", range=q.Range(gte=1.0))
    for clause in ("must", "should", "must_not"):
        given = {clause: (each for each in ({"key": "a", "match": {"any": iter("xy")}}, condition))}
        read = as_json(given)
        assert read == {clause: plain}
        assert repr(to_edge(read)) == repr(to_edge({clause: plain}))
    assert repr(to_edge(as_json({"must": iter([{"has_id": (1,)}])}))) == repr(to_edge(must({"has_id": [1]})))


@pytest.mark.parametrize(
    "filter",
    [None, "{}", [], 5, q.Filter, ONE, edge.Filter(), [ONE], {1}, object()],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_filter_is_named_by_its_type(filter: Any) -> None:
    with pytest.raises(
        InvalidFilter,
        match=f"must be a qdrant_client.models.Filter or its JSON object, got {type(filter).__name__}",
    ):
        as_json(filter)


def test_dates_and_uuids_are_texts_as_in_json() -> None:
    year = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    given = {
        "must": [{"has_id": [uuid.UUID(int=1)]}, {"key": "metadata.at", "range": {"gte": year, "lt": year.date()}}]
    }
    read = checked_filter(given)
    assert read["must"] == [
        {"has_id": ["00000000-0000-0000-0000-000000000001"]},
        {"key": "metadata.at", "range": {"gte": "2020-01-01T00:00:00+00:00", "lt": "2020-01-01"}},
    ]
    assert to_edge(read).must
    assert to_filter(read).must


def test_arrays_and_numbers_of_numpy_are_those_of_python() -> None:
    given = field(match={"any": np.array([2020, 2021])}, range={"gte": np.float32(0.5)}, is_empty=np.bool_(False))
    (condition,) = as_json(given)["must"]
    assert condition == field(match={"any": [2020, 2021]}, range={"gte": 0.5}, is_empty=False)["must"][0]
    assert [type(value) for value in condition["match"]["any"]] == [int, int]
    assert to_edge(as_json(field(match={"any": np.array(["a", "b"])})))
