from __future__ import annotations

import contextlib
import datetime
import re
import types
import uuid
from typing import Any

import numpy as np
import pytest
import qdrant_edge as edge
from hypothesis import given
from hypothesis import strategies as st
from qdrant_client import models as q

from postings.errors import InvalidFilter
from postings.index.embedded.filters import to_edge
from postings.index.filters import as_json


def must(condition: Any) -> dict[str, Any]:
    return {"must": [condition]}


def field(**clauses: Any) -> dict[str, Any]:
    return must({"key": "metadata.k", **clauses})


def shown(filter: q.Filter) -> str:
    return repr(to_edge(as_json(filter))).replace("r#", "")


def filter_of(name: str, conditions: Any) -> q.Filter:
    clauses: dict[str, Any] = {name: conditions}
    return q.Filter(**clauses)


def geo(lon: float = 0, lat: float = 0) -> q.GeoPoint:
    return q.GeoPoint(lon=lon, lat=lat)


CORNERS = "[GeoPoint(lon=0, lat=0), GeoPoint(lon=1, lat=0), GeoPoint(lon=1, lat=1), GeoPoint(lon=0, lat=0)]"
RING = q.GeoLineString(points=[geo(0, 0), geo(1, 0), geo(1, 1), geo(0, 0)])
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
ONE = q.FieldCondition(key="a", match=q.MatchValue(value=1))

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


def test_an_empty_filter_has_no_conditions() -> None:
    for empty in ({}, {"must": None}, {"must": None, "min_should": None}, as_json(q.Filter())):
        assert repr(to_edge(empty)) == repr(edge.Filter())
    assert to_edge({"must": []}).must == []


def test_any_mapping_is_taken_for_json() -> None:
    proxy = types.MappingProxyType(must(types.MappingProxyType({"has_vector": "v"})))
    assert as_json(proxy) == must({"has_vector": "v"})
    assert repr(to_edge(proxy)) == repr(to_edge(must({"has_vector": "v"})))


def test_lists_may_be_any_iterables_and_conditions_those_of_qdrant_client() -> None:
    plain = [{"key": "a", "match": {"any": ["x", "y"]}}, {"key": "b", "range": {"gte": 1.0}}]
    condition = q.FieldCondition(key="b", range=q.Range(gte=1.0))
    for clause in ("must", "should", "must_not"):
        given = {clause: (each for each in ({"key": "a", "match": {"any": iter("xy")}}, condition))}
        read = as_json(given)
        assert read == {clause: plain}
        assert repr(to_edge(read)) == repr(to_edge({clause: tuple(plain)}))
    assert repr(to_edge({"must": iter([{"has_id": (1,)}])})) == repr(to_edge(must({"has_id": [1]})))


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


MALFORMED: list[tuple[Any, str]] = [
    ([], r"^filter must be an object, got \[\]"),
    (None, r"^filter must be an object, got None"),
    ({"musst": []}, r"^filter has unknown \['musst'\]: expected \['min_should', 'must', 'must_not', 'should'\]"),
    ({1: []}, r"^filter has unknown \['1'\]"),
    ({"must": 5}, r"^filter\.must must be a condition or a list of conditions, got 5"),
    ({"should": "key"}, r"^filter\.should must be a condition or a list of conditions, got 'key'"),
    ({"must_not": [[]]}, r"^filter\.must_not\[0\] must be an object, got \[\]"),
    ({"must": [{"has_vector": "v"}, None]}, r"^filter\.must\[1\] must be an object, got None"),
    (must({}), r"^filter\.must\[0\] isn't a condition of the embedded engine: .* got \[\]"),
    (must({"colour": {"red": 1}}), r"^filter\.must\[0\] isn't a condition .*'has_id'.*'slice'.* got \['colour'\]"),
    (must({"must": [{"should": {"x": 1}}]}), r"^filter\.must\[0\]\.must\[0\]\.should isn't a condition"),
    ({"min_should": {"conditions": []}}, r"^filter\.min_should needs \['min_count'\]"),
    ({"min_should": []}, r"^filter\.min_should must be an object"),
    ({"min_should": {"conditions": [5], "min_count": 1}}, r"^filter\.min_should\.conditions\[0\] must be an object"),
    ({"min_should": {"conditions": [], "min_count": -1}}, r"^filter\.min_should: the engine can't read"),
    ({"min_should": {"conditions": [], "min_count": "1"}}, r"^filter\.min_should: the engine can't read"),
    (must({"key": "a"}), r"^filter\.must\[0\] names the field 'a' but no clause: add one of \['geo_bounding_box'"),
    (must({"key": "a", "match": None}), r"^filter\.must\[0\] names the field 'a' but no clause"),
    (must({"key": None}), r"^filter\.must\[0\] names the field None but no clause"),
    (must({"key": None, "is_null": True, "is_empty": True}), r"^filter\.must\[0\]: the engine can't read \(None,\)"),
    (must({"key": 5, "is_null": True}), r"^filter\.must\[0\]: the engine can't read \(5,\)"),
    (must({"key": "a[", "is_null": True}), r"^filter\.must\[0\]: the engine can't read \('a\[',\): invalid JSON path"),
    (must({"key": "\ud800", "is_null": True}), r"^filter\.must\[0\]: the engine can't read .*surrogates not allowed"),
    (field(mach={}), r"^filter\.must\[0\] has unknown \['mach'\]: expected .*'match'"),
    (field(match={}), r"^filter\.must\[0\]\.match must have exactly one of \['any', .*\], got \[\]"),
    (field(match={"value": 1, "any": [1]}), r"^filter\.must\[0\]\.match must have exactly one of"),
    (field(match="x"), r"^filter\.must\[0\]\.match must be an object, got 'x'"),
    (field(match={"value": 1.5}), r"^filter\.must\[0\]\.match\.value: the engine can't read \(1\.5,\)"),
    (field(match={"value": [1]}), r"^filter\.must\[0\]\.match\.value: the engine can't read"),
    (field(match={"value": 2**63}), r"^filter\.must\[0\]\.match\.value: the engine can't read"),
    (field(match={"any": "abc"}), r"^filter\.must\[0\]\.match\.any: the engine can't read"),
    (field(match={"any": 5}), r"^filter\.must\[0\]\.match\.any: the engine can't read"),
    (field(match={"any": [1, "a"]}), r"^filter\.must\[0\]\.match\.any: the engine can't read"),
    (field(match={"any": [True]}), r"^filter\.must\[0\]\.match\.any: .* got a boolean"),
    (field(match={"except": [None]}), r"^filter\.must\[0\]\.match\.except: the engine can't read"),
    (field(match={"text": 5}), r"^filter\.must\[0\]\.match\.text: the engine can't read"),
    (field(range={"gt": 1, "lt": "2020-01-01"}), r"^filter\.must\[0\]\.range mixes numbers and datetimes"),
    (field(range={"gt": "soon"}), r"^filter\.must\[0\]\.range: the engine can't read \{'gt': 'soon'\}: .*date-time"),
    (field(range={"gt": []}), r"^filter\.must\[0\]\.range: the engine can't read"),
    (field(range={"gt": 10**400}), r"^filter\.must\[0\]\.range: the engine can't read"),
    (
        field(range={"min": 1}),
        r"^filter\.must\[0\]\.range has unknown \['min'\]: expected \['gt', 'gte', 'lt', 'lte'\]",
    ),
    (field(values_count={"gt": -1}), r"^filter\.must\[0\]\.values_count: the engine can't read"),
    (field(values_count={"gt": 0.5}), r"^filter\.must\[0\]\.values_count: the engine can't read"),
    (field(is_empty="yes"), r"^filter\.must\[0\]\.is_empty must be true or false, got 'yes'"),
    (field(is_null=1), r"^filter\.must\[0\]\.is_null must be true or false, got 1"),
    (field(geo_radius={"center": {"lon": 0, "lat": 0}}), r"^filter\.must\[0\]\.geo_radius needs \['radius'\]"),
    (
        field(geo_radius={"center": {"lon": 0, "lat": 91}, "radius": 1}),
        r"^filter\.must\[0\]\.geo_radius\.center: the engine can't read \(0, 91\): .*within \[-90;90\]",
    ),
    (
        field(geo_bounding_box={"top_left": {"lon": 0}, "bottom_right": {}}),
        r"^filter\.must\[0\]\.geo_bounding_box\.top_left needs \['lat'\]",
    ),
    (field(geo_polygon={"interiors": []}), r"^filter\.must\[0\]\.geo_polygon needs 'exterior', got \['interiors'\]"),
    (field(geo_polygon={"exterior": {"points": []}}), r"^filter\.must\[0\]\.geo_polygon: .* must be at least 4, got 0"),
    (
        field(geo_polygon={"exterior": {"points": 5}}),
        r"^filter\.must\[0\]\.geo_polygon\.exterior\.points must be a list",
    ),
    (
        field(geo_polygon={"exterior": RING.model_dump(), "interiors": 5}),
        r"^filter\.must\[0\]\.geo_polygon\.interiors must be a list, got 5",
    ),
    (
        field(geo_polygon={"exterior": RING.model_dump(), "interiors": [{"points": [{"lon": 0}]}]}),
        r"^filter\.must\[0\]\.geo_polygon\.interiors\[0\]\.points\[0\] needs \['lat'\]",
    ),
    (must({"is_empty": None}), r"^filter\.must\[0\] needs \['is_empty'\]"),
    (must({"is_null": {}}), r"^filter\.must\[0\]\.is_null needs \['key'\]"),
    (must({"is_null": {"key": 5}}), r"^filter\.must\[0\]\.is_null: the engine can't read \(5,\)"),
    (must({"is_empty": {"key": "a"}, "is_null": {"key": "a"}}), r"^filter\.must\[0\] has unknown \['is_null'\]"),
    (must({"has_id": None}), r"^filter\.must\[0\] needs \['has_id'\]"),
    (must({"has_id": "abc"}), r"^filter\.must\[0\]\.has_id must be a list, got 'abc'"),
    (
        must({"has_id": ["abc"]}),
        r"^filter\.must\[0\]\.has_id: the engine can't read \(\['abc'\],\): failed to parse abc",
    ),
    (must({"has_id": [[1]]}), r"^filter\.must\[0\]\.has_id: the engine can't read"),
    (must({"has_id": [True]}), r"^filter\.must\[0\]\.has_id must hold ids, got \[True\]"),
    (must({"has_id": [-1]}), r"^filter\.must\[0\]\.has_id: the engine can't read"),
    (must({"has_vector": 5}), r"^filter\.must\[0\]\.has_vector: the engine can't read \(5,\)"),
    (must({"slice": {"total": 2}}), r"^filter\.must\[0\]\.slice needs \['index'\]"),
    (must({"slice": {"total": 2, "index": 2}}), r"^filter\.must\[0\]\.slice: .* index must be less than total"),
    (must({"nested": None}), r"^filter\.must\[0\] needs \['nested'\]"),
    (must({"nested": {"key": "a"}}), r"^filter\.must\[0\]\.nested needs \['filter'\]"),
    (
        must({"nested": {"key": "a", "filter": {"must": [{"key": "b"}]}}}),
        r"^filter\.must\[0\]\.nested\.filter\.must\[0\] names the field 'b' but no clause",
    ),
]


@pytest.mark.parametrize(("filter", "message"), MALFORMED, ids=[str(filter)[:60] for filter, _ in MALFORMED])
def test_a_message_names_the_place_in_the_filter(filter: Any, message: str) -> None:
    with pytest.raises(InvalidFilter, match=message) as got:
        to_edge(filter)
    assert "\n" not in str(got.value)


def test_a_message_stays_short_however_long_the_filter_is() -> None:
    long = "x" * 10**6
    for filter in (
        {"must": long},
        {"must": [long]},
        must({"key": long}),
        field(match={"value": [long]}),
        field(range={"gt": long}),
        field(is_null=long),
        must({"has_id": [long]}),
    ):
        with pytest.raises(InvalidFilter) as got:
            to_edge(filter)
        assert len(str(got.value)) < 1000


def test_a_filter_may_be_nested_but_not_without_end() -> None:
    def nested(levels: int) -> dict[str, Any]:
        filter: dict[str, Any] = must({"has_vector": "v"})
        for _ in range(levels):
            filter = must(filter)
        return filter

    assert to_edge(nested(50)).must
    with pytest.raises(InvalidFilter, match="filter is nested too deeply"):
        to_edge(nested(5000))


# Arbitrary JSON, with words of the filter language among it

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["a", "a[].b", "2020-01-01", "00000000-0000-0000-0000-000000000001"])
)
WORDS = """
must should must_not min_should conditions min_count key match value any except text text_any phrase prefix substring
range lt lte gt gte geo_bounding_box top_left bottom_right lon lat geo_radius center radius geo_polygon exterior
interiors points values_count is_empty is_null has_id has_vector slice total index nested filter
"""
words = st.sampled_from(WORDS.split())
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
points = st.fixed_dictionaries({"lon": leaves, "lat": leaves}) | anything
rings = st.fixed_dictionaries({"points": st.lists(points, max_size=4) | anything}) | anything
shaped_fields = st.one_of(
    *(
        st.fixed_dictionaries({"key": leaves, clause: shape | anything})
        for clause, shape in {
            "match": st.dictionaries(
                st.sampled_from(["value", "any", "except", "text", "text_any", "phrase", "prefix", "substring"]),
                leaves | st.lists(leaves, max_size=3),
                max_size=2,
            ),
            "range": st.dictionaries(st.sampled_from(["lt", "lte", "gt", "gte"]), leaves, max_size=3),
            "values_count": st.dictionaries(st.sampled_from(["lt", "lte", "gt", "gte"]), leaves, max_size=3),
            "geo_radius": st.fixed_dictionaries({"center": points, "radius": leaves}),
            "geo_bounding_box": st.fixed_dictionaries({"top_left": points, "bottom_right": points}),
            "geo_polygon": st.fixed_dictionaries(
                {"exterior": rings, "interiors": st.lists(rings, max_size=2) | anything}
            ),
            "is_null": leaves,
        }.items()
    )
)
shaped_conditions = st.one_of(
    shaped_fields,
    st.fixed_dictionaries({"is_empty": st.fixed_dictionaries({"key": leaves}) | anything}),
    st.fixed_dictionaries({"is_null": st.fixed_dictionaries({"key": leaves}) | anything}),
    st.fixed_dictionaries({"has_id": st.lists(leaves, max_size=3) | anything}),
    st.fixed_dictionaries({"has_vector": anything}),
    st.fixed_dictionaries({"slice": st.fixed_dictionaries({"total": leaves, "index": leaves}) | anything}),
    st.fixed_dictionaries({"nested": st.fixed_dictionaries({"key": leaves, "filter": anything}) | anything}),
)
shaped_filters = st.fixed_dictionaries(
    {},
    optional={
        "must": st.lists(shaped_conditions, max_size=2) | shaped_conditions,
        "should": st.lists(shaped_conditions, max_size=2) | anything,
        "min_should": st.fixed_dictionaries(
            {"conditions": st.lists(shaped_conditions, max_size=2) | anything, "min_count": leaves}
        ),
    },
)


@given(anything | shaped_filters)
def test_any_json_is_translated_or_refused(filter: Any) -> None:
    with contextlib.suppress(InvalidFilter):
        assert isinstance(to_edge(filter), edge.Filter)


def test_arrays_and_numbers_of_numpy_are_those_of_python() -> None:
    given = field(match={"any": np.array([2020, 2021])}, range={"gte": np.float32(0.5)}, is_empty=np.bool_(False))
    (condition,) = as_json(given)["must"]
    assert condition == field(match={"any": [2020, 2021]}, range={"gte": 0.5}, is_empty=False)["must"][0]
    assert [type(value) for value in condition["match"]["any"]] == [int, int]
    assert to_edge(as_json(field(match={"any": np.array(["a", "b"])})))
