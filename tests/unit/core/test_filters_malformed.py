"""What is wrong with a filter, in one short line that names the place."""

from __future__ import annotations

from typing import Any

import pytest
import qdrant_edge as edge

from postings.errors import InvalidFilter
from postings.index.embedded.filters import to_edge
from postings.index.fields import checked_filter
from postings.index.filter_grammar import check_grammar
from postings.index.server.conversion import to_filter
from tests.support.filters import RING, field, must

MALFORMED: list[tuple[Any, str]] = [
    ([], r"^filter must be an object, got \[\]"),
    (None, r"^filter must be an object, got None"),
    ({"musst": []}, r"^filter has unknown \['musst'\]: expected \['min_should', 'must', 'must_not', 'should'\]"),
    ({1: []}, r"^filter has unknown \['1'\]"),
    ({"must": 5}, r"^filter\.must must be a condition or a list of conditions, got 5"),
    ({"should": "key"}, r"^filter\.should must be a condition or a list of conditions, got 'key'"),
    ({"must_not": [[]]}, r"^filter\.must_not\[0\] must be an object, got \[\]"),
    ({"must": [{"has_vector": "v"}, None]}, r"^filter\.must\[1\] must be an object, got None"),
    (must({}), r"^filter\.must\[0\] isn't a condition: .* got \[\]"),
    (must({"color": {"red": 1}}), r"^filter\.must\[0\] isn't a condition: .*'has_id'.*'slice'.* got \['color'\]"),
    (must({"must": [{"should": {"x": 1}}]}), r"^filter\.must\[0\]\.must\[0\]\.should isn't a condition"),
    ({"min_should": {"conditions": []}}, r"^filter\.min_should needs \['min_count'\]"),
    ({"min_should": []}, r"^filter\.min_should must be an object"),
    ({"min_should": {"conditions": [5], "min_count": 1}}, r"^filter\.min_should\.conditions\[0\] must be an object"),
    (
        {"min_should": {"conditions": [], "min_count": 0}},
        r"^filter\.min_should\.min_count must be an integer, at least 1",
    ),
    ({"min_should": {"conditions": [], "min_count": "1"}}, r"^filter\.min_should\.min_count must be .*, got '1'"),
    (must({"key": "a"}), r"^filter\.must\[0\] names the field 'a' but no clause: add one of \['geo_bounding_box'"),
    (must({"key": "a", "match": None}), r"^filter\.must\[0\] names the field 'a' but no clause"),
    (must({"key": None}), r"^filter\.must\[0\] names the field None but no clause"),
    (must({"key": None, "is_null": True, "is_empty": True}), r"^filter\.must\[0\]\.key must be a string, got None"),
    (must({"key": 5, "is_null": True}), r"^filter\.must\[0\]\.key must be a string, got 5"),
    (must({"key": "a[", "is_null": True}), r"^filter\.must\[0\]: the engine can't read \('a\[',\): invalid JSON path"),
    (must({"key": "\ud800", "is_null": True}), r"^filter\.must\[0\]: the engine can't read .*surrogates not allowed"),
    (field(mach={}), r"^filter\.must\[0\] has unknown \['mach'\]: expected .*'match'"),
    (field(match={}), r"^filter\.must\[0\]\.match must have exactly one of \['any', .*\], got \[\]"),
    (field(match={"value": 1, "any": [1]}), r"^filter\.must\[0\]\.match must have exactly one of"),
    (field(match="x"), r"^filter\.must\[0\]\.match must be an object, got 'x'"),
    (field(match={"value": 4.0}), r"^filter\.must\[0\]\.match\.value must be .*clause is 'range'\), got 4\.0"),
    (field(match={"value": None}), r"^filter\.must\[0\]\.match must have .*, got \[\]; for null, .* 'is_null'"),
    (field(match={"value": [1]}), r"^filter\.must\[0\]\.match\.value must be a string, .*, got \[1\]"),
    (field(match={"value": 2**63}), r"^filter\.must\[0\]\.match\.value must be .* an integer of 64 bits"),
    (field(match={"any": "abc"}), r"^filter\.must\[0\]\.match\.any must be a list of strings, or of integers"),
    (field(match={"any": 5}), r"^filter\.must\[0\]\.match\.any must be a list .*, got 5"),
    (field(match={"any": [1, "a"]}), r"^filter\.must\[0\]\.match\.any must be a list .*, got \[1, 'a'\]"),
    (field(match={"any": [True]}), r"^filter\.must\[0\]\.match\.any must be a list .*, got \[True\]"),
    (field(match={"except": [None]}), r"^filter\.must\[0\]\.match\.except must be a list"),
    (field(match={"text": 5}), r"^filter\.must\[0\]\.match\.text must be a string, got 5"),
    (field(range={"gt": 1, "lt": "2020-01-01"}), r"^filter\.must\[0\]\.range must be of numbers or of datetimes, got"),
    (field(range={"gt": "soon"}), r"^filter\.must\[0\]\.range: the engine can't read \{'gt': 'soon'\}: .*date-time"),
    (field(range={"gt": []}), r"^filter\.must\[0\]\.range\.gt must be a finite number, or a datetime"),
    (field(range={"gt": float("nan")}), r"^filter\.must\[0\]\.range\.gt must be a finite number"),
    (field(range={"gt": True}), r"^filter\.must\[0\]\.range\.gt must be a finite number"),
    (field(range={}), r"^filter\.must\[0\]\.range needs a bound: 'gt', 'gte', 'lt' or 'lte'"),
    (field(range={"gt": None}), r"^filter\.must\[0\]\.range needs a bound"),
    (field(values_count={}), r"^filter\.must\[0\]\.values_count needs a bound"),
    (field(range={"gt": 10**400}), r"^filter\.must\[0\]\.range\.gt must be a finite number"),
    (
        field(range={"min": 1}),
        r"^filter\.must\[0\]\.range has unknown \['min'\]: expected \['gt', 'gte', 'lt', 'lte'\]",
    ),
    (field(values_count={"gt": -1}), r"^filter\.must\[0\]\.values_count\.gt must be an integer that isn't negative"),
    (field(values_count={"gt": 0.5}), r"^filter\.must\[0\]\.values_count\.gt must be an integer"),
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
    (field(geo_polygon={"interiors": []}), r"^filter\.must\[0\]\.geo_polygon needs \['exterior'\]"),
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
    (must({"is_null": {"key": 5}}), r"^filter\.must\[0\]\.is_null\.key must be a string, got 5"),
    (must({"is_empty": {"key": "a"}, "is_null": {"key": "a"}}), r"^filter\.must\[0\] has unknown \['is_null'\]"),
    (must({"has_id": None}), r"^filter\.must\[0\] needs \['has_id'\]"),
    (must({"has_id": "abc"}), r"^filter\.must\[0\]\.has_id must be a list, got 'abc'"),
    (
        must({"has_id": ["abc"]}),
        r"^filter\.must\[0\]\.has_id: the engine can't read \(\['abc'\],\): failed to parse abc",
    ),
    (must({"has_id": [[1]]}), r"^filter\.must\[0\]\.has_id must be a list of ids"),
    (must({"has_id": [True]}), r"^filter\.must\[0\]\.has_id must be a list of ids: .*, got \[True\]"),
    (must({"has_id": [-1]}), r"^filter\.must\[0\]\.has_id must be a list of ids: .*, got \[-1\]"),
    (must({"has_vector": 5}), r"^filter\.must\[0\]\.has_vector must be a string, got 5"),
    (must({"slice": {"total": 2}}), r"^filter\.must\[0\]\.slice needs \['index'\]"),
    (must({"slice": {"total": 2, "index": 2}}), r"^filter\.must\[0\]\.slice\.index must be less than total"),
    ({"min_should": {"conditions": {}, "min_count": 1}}, r"^filter\.min_should\.conditions must be a list, got"),
    (must({"nested": None}), r"^filter\.must\[0\] needs \['nested'\]"),
    (must({"nested": {"key": "a"}}), r"^filter\.must\[0\]\.nested needs \['filter'\]"),
    (
        must({"nested": {"key": "a", "filter": {"must": [{"key": "b"}]}}}),
        r"^filter\.must\[0\]\.nested\.filter\.must\[0\] names the field 'b' but no clause",
    ),
]


def converted(filter: Any) -> edge.Filter:
    check_grammar(filter)
    return to_edge(filter)


@pytest.mark.parametrize(("filter", "message"), MALFORMED, ids=[str(filter)[:60] for filter, _ in MALFORMED])
def test_a_message_names_the_place_in_the_filter(filter: Any, message: str) -> None:
    with pytest.raises(InvalidFilter, match=message) as got:
        converted(filter)
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
        field(match={"value": 10**5000}),
        field(range={"gt": 10**5000}),
    ):
        with pytest.raises(InvalidFilter) as got:
            converted(filter)
        assert len(str(got.value)) < 1000


def test_a_filter_may_be_nested_but_not_without_end() -> None:
    def nested(levels: int) -> dict[str, Any]:
        filter: dict[str, Any] = must({"has_vector": "v"})
        for _ in range(levels):
            filter = must(filter)
        return filter

    assert converted(nested(40)).must
    assert to_filter(nested(40))
    for levels in (41, 200):
        with pytest.raises(InvalidFilter, match="filter is nested too deeply: expected at most 40 levels"):
            converted(nested(levels))
    with pytest.raises(InvalidFilter, match="filter is nested too deeply"):
        checked_filter(nested(5000))
