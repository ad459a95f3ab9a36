"""Every condition of qdrant-client is translated to the embedded engine's."""

from __future__ import annotations

import datetime
import re
import uuid
from typing import Any

import pytest
import qdrant_edge as edge
from qdrant_client import models as q

from postings.index.embedded.filters import to_edge
from postings.index.filters import as_json
from tests.support.filters import ONE, RING, geo


def shown(filter: q.Filter) -> str:
    return repr(to_edge(as_json(filter))).replace("r#", "")


def filter_of(name: str, conditions: Any) -> q.Filter:
    clauses: dict[str, Any] = {name: conditions}
    return q.Filter(**clauses)


CORNERS = "[GeoPoint(lon=0, lat=0), GeoPoint(lon=1, lat=0), GeoPoint(lon=1, lat=1), GeoPoint(lon=0, lat=0)]"
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
CLAUSES: dict[str, tuple[dict[str, Any], str]] = {
    "match a string": ({"match": q.MatchValue(value="x")}, 'match=MatchValue(value="x")'),
    "match an integer": ({"match": q.MatchValue(value=-5)}, "match=MatchValue(value=-5)"),
    "match a boolean": ({"match": q.MatchValue(value=True)}, "match=MatchValue(value=True)"),
    "match any string": ({"match": q.MatchAny(any=["x", "y"])}, 'match=MatchAny(value=["x", "y"])'),
    "match any integer": ({"match": q.MatchAny(any=[1, 2])}, "match=MatchAny(value=[1, 2])"),
    "match any of none": ({"match": q.MatchAny(any=[])}, "match=MatchAny(value=[])"),
    "match except strings": ({"match": q.MatchExcept(**{"except": ["x"]})}, 'match=MatchExcept(value=["x"])'),
    "match except integers": ({"match": q.MatchExcept(**{"except": [1]})}, "match=MatchExcept(value=[1])"),
    "match text": ({"match": q.MatchText(text="x y")}, 'match=MatchText(text="x y")'),
    "match any text": ({"match": q.MatchTextAny(text_any="x y")}, 'match=MatchTextAny(text_any="x y")'),
    "match a phrase": ({"match": q.MatchPhrase(phrase="x y")}, 'match=MatchPhrase(phrase="x y")'),
    "match a prefix": ({"match": q.MatchPrefix(prefix="x")}, 'match=MatchPrefix(prefix="x")'),
    "match a substring": ({"match": q.MatchSubstring(substring="x")}, 'match=MatchSubstring(substring="x")'),
    "range": (
        {"range": q.Range(lt=4.5, lte=3, gt=-1, gte=0.5)},
        "range=RangeFloat(gte=0.5, gt=-1, lte=3, lt=4.5)",
    ),
    "half a range": ({"range": q.Range(gte=0)}, "range=RangeFloat(gte=0, gt=None, lte=None, lt=None)"),
    "range of moments": (
        {"range": q.DatetimeRange(gte=MOMENT, lt=MOMENT + datetime.timedelta(1))},
        'range=RangeDateTime(gte="2020-01-02 03:04:05 UTC", gt=None, lte=None, lt="2020-01-03 03:04:05 UTC")',
    ),
    "range of days": (
        {"range": q.DatetimeRange(gt=datetime.date(2020, 1, 2))},
        'range=RangeDateTime(gte=None, gt="2020-01-02 00:00:00 UTC", lte=None, lt=None)',
    ),
    "geo bounding box": (
        {"geo_bounding_box": q.GeoBoundingBox(top_left=geo(1, 2), bottom_right=geo(3, -4))},
        "geo_bounding_box=GeoBoundingBox(top_left=GeoPoint(lon=1, lat=2), bottom_right=GeoPoint(lon=3, lat=-4))",
    ),
    "geo radius": (
        {"geo_radius": q.GeoRadius(center=geo(1, 2), radius=3.5)},
        "geo_radius=GeoRadius(center=GeoPoint(lon=1, lat=2), radius=3.5)",
    ),
    "geo polygon": (
        {"geo_polygon": q.GeoPolygon(exterior=RING)},
        f"geo_polygon=GeoPolygon(exterior={CORNERS}, interiors=[])",
    ),
    "geo polygon with holes": (
        {"geo_polygon": q.GeoPolygon(exterior=RING, interiors=[RING, RING])},
        f"geo_polygon=GeoPolygon(exterior={CORNERS}, interiors=[{CORNERS}, {CORNERS}])",
    ),
    "values count": (
        {"values_count": q.ValuesCount(lt=4, lte=3, gt=1, gte=2)},
        "values_count=ValuesCount(lt=4, gt=1, lte=3, gte=2)",
    ),
    "is empty": ({"is_empty": True}, "is_empty=True"),
    "is not null": ({"is_null": False}, "is_null=False"),
    "two clauses": (
        {"match": q.MatchValue(value="x"), "is_null": False},
        "is_null=False",
    ),
}
CONDITIONS: dict[str, tuple[q.Condition, str]] = {
    "field": (ONE, 'FieldCondition(key="a", match=MatchValue(value=1), '),
    "is empty": (q.IsEmptyCondition(is_empty=q.PayloadField(key="a.b")), 'IsEmptyCondition(key="a.b")'),
    "is null": (q.IsNullCondition(is_null=q.PayloadField(key="a[].b")), 'IsNullCondition(key="a[].b")'),
    "has id": (q.HasIdCondition(has_id=[7]), "HasIdCondition(point_ids={7})"),
    "has uuid": (
        q.HasIdCondition(has_id=[uuid.UUID(int=1)]),
        'HasIdCondition(point_ids={"00000000-0000-0000-0000-000000000001"})',
    ),
    "has a uuid as a string": (
        q.HasIdCondition(has_id=["00000000-0000-0000-0000-000000000001"]),
        'HasIdCondition(point_ids={"00000000-0000-0000-0000-000000000001"})',
    ),
    "has no id": (q.HasIdCondition(has_id=[]), "HasIdCondition(point_ids=set())"),
    "has vector": (q.HasVectorCondition(has_vector="v"), 'HasVectorCondition(vector="v")'),
    "slice": (q.SliceCondition(slice=q.Slice(total=3, index=2)), "SliceCondition(total=3, index=2)"),
    "nested": (
        q.NestedCondition(nested=q.Nested(key="a", filter=q.Filter(must=[ONE]))),
        'NestedCondition(key="a", filter=Filter(must=[',
    ),
    "a filter": (q.Filter(should=[ONE], must_not=[ONE]), "Filter(must=None, should=[FieldCondition("),
}


@pytest.mark.parametrize("case", CLAUSES)
def test_every_field_condition_of_qdrant_client_is_translated(case: str) -> None:
    clauses, expected = CLAUSES[case]
    translated = shown(q.Filter(must=[q.FieldCondition(key="a.b", **clauses)]))
    assert translated.startswith('Filter(must=[FieldCondition(key="a.b", ')
    assert re.search(rf" {re.escape(expected)}[,)]", translated)


@pytest.mark.parametrize("case", CONDITIONS)
def test_every_condition_of_qdrant_client_is_translated(case: str) -> None:
    condition, expected = CONDITIONS[case]
    for name in ("must", "should", "must_not"):
        assert f"{name}=[{expected}" in shown(filter_of(name, [condition, ONE]))
        assert shown(filter_of(name, condition)) == shown(filter_of(name, [condition]))
    least = shown(q.Filter(min_should=q.MinShould(conditions=[condition, ONE], min_count=1)))
    assert f"min_should=MinShould(conditions=[{expected}" in least
    assert least.endswith("min_count=1))")


def test_no_condition_that_the_embedded_engine_has_is_left_out() -> None:
    # A newer engine with a new condition fails here, so that it is translated and tested.
    named = {name for name in dir(edge) if name.startswith("Match") or name.endswith("Condition")}
    named |= {"GeoBoundingBox", "GeoPolygon", "GeoRadius", "RangeDateTime", "RangeFloat", "ValuesCount"}
    fields = [q.FieldCondition(key="a", **clauses) for clauses, _ in CLAUSES.values()]
    tested = shown(q.Filter(must=[*fields, *(condition for condition, _ in CONDITIONS.values())]))
    assert {name for name in named if f"{name}(" not in tested} == set()
    clauses = set(q.FieldCondition.model_fields) - {"key"}
    assert clauses == {name for clauses, _ in CLAUSES.values() for name in clauses}


def test_nested_keeps_the_filter_within() -> None:
    inner = q.Filter(must=[ONE], must_not=[q.NestedCondition(nested=q.Nested(key="b", filter=q.Filter(should=ONE)))])
    (nested,) = (
        to_edge(as_json(q.Filter(must=[q.NestedCondition(nested=q.Nested(key="a[]", filter=inner))]))).must or []
    )
    assert isinstance(nested, edge.NestedCondition)
    assert nested.key == "a[]"
    assert repr(nested.filter).replace("r#", "") == shown(inner)
