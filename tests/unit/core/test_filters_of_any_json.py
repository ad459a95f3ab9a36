"""Arbitrary JSON, with words of the filter language among it, is translated or refused."""

from __future__ import annotations

import contextlib
from typing import Any

import qdrant_edge as edge
from hypothesis import given
from hypothesis import strategies as st

from postings.errors import InvalidFilter
from postings.index.embedded.filters import to_edge
from postings.index.filter_grammar import check_grammar

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
        check_grammar(filter)
        assert isinstance(to_edge(filter), edge.Filter)
