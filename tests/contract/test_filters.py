"""Filters choose the same points on every engine: each condition type that the embedded engine has."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import models as q

from postings import Index, SparseVector
from postings.documents import point_id
from postings.errors import InvalidFilter
from postings.index import SearchRequest
from postings.index.filters import as_json
from tests.support.filters import geo
from tests.support.indexes import ENGINES, MODEL, PROXY, engine, point, server_version

DOCUMENTS: dict[str, dict[str, Any]] = {
    "berlin": {
        "lang": "de",
        "year": 2019,
        "price": 9.5,
        "open": True,
        "tags": ["wall", "art"],
        "at": "2019-11-09T10:00:00Z",
        "place": {"lon": 13.4, "lat": 52.5},
        "about": "the wall came down in one night",
        "rooms": [{"beds": 2, "sea": False}, {"beds": 4, "sea": True}],
        "code": "DE-100",
        "note": None,
    },
    "naples": {
        "lang": "it",
        "year": 2021,
        "price": 7.25,
        "open": False,
        "tags": ["pizza"],
        "at": "2021-06-01T12:30:00Z",
        "place": {"lon": 14.27, "lat": 40.85},
        "about": "pizza was born in one narrow street",
        "rooms": [{"beds": 4, "sea": False}],
        "code": "IT-200",
        "note": "",
    },
    "oslo": {
        "lang": "no",
        "year": 2021,
        "price": 21.0,
        "open": True,
        "tags": [],
        "at": "2023-01-15T00:00:00Z",
        "place": {"lon": 10.75, "lat": 59.91},
        "about": "narrow fjords and long nights",
        "rooms": [],
        "code": "NO-300",
    },
}


def field(key: str, **clauses: Any) -> q.FieldCondition:
    return q.FieldCondition(key=f"metadata.{key}", **clauses)


def ring(*corners: tuple[float, float]) -> q.GeoLineString:
    return q.GeoLineString(points=[geo(*corner) for corner in (*corners, corners[0])])


italy = ring((7, 37), (19, 37), (19, 47), (7, 47))
around_naples = ring((14, 40.5), (15, 40.5), (15, 41.2), (14, 41.2))

CASES: dict[str, tuple[q.Filter, set[str]]] = {
    "must": (q.Filter(must=[field("lang", match=q.MatchValue(value="de"))]), {"berlin"}),
    "a single condition": (q.Filter(must=field("lang", match=q.MatchValue(value="de"))), {"berlin"}),
    "should": (
        q.Filter(should=[field("year", match=q.MatchValue(value=2019)), field("lang", match=q.MatchValue(value="no"))]),
        {"berlin", "oslo"},
    ),
    "must not": (q.Filter(must_not=[field("lang", match=q.MatchValue(value="de"))]), {"naples", "oslo"}),
    "must and should": (
        q.Filter(
            must=[field("year", match=q.MatchValue(value=2021))],
            should=[field("lang", match=q.MatchValue(value="no")), field("lang", match=q.MatchValue(value="de"))],
        ),
        {"oslo"},
    ),
    "min should": (
        q.Filter(
            min_should=q.MinShould(
                conditions=[
                    field("open", match=q.MatchValue(value=True)),
                    field("year", match=q.MatchValue(value=2021)),
                    field("lang", match=q.MatchValue(value="it")),
                ],
                min_count=2,
            )
        ),
        {"naples", "oslo"},
    ),
    "a filter in a filter": (
        q.Filter(must=[q.Filter(should=[field("lang", match=q.MatchValue(value="it"))])]),
        {"naples"},
    ),
    "match a boolean": (q.Filter(must=[field("open", match=q.MatchValue(value=False))]), {"naples"}),
    "match an element of a list": (q.Filter(must=[field("tags", match=q.MatchValue(value="art"))]), {"berlin"}),
    "match any string": (q.Filter(must=[field("lang", match=q.MatchAny(any=["it", "no"]))]), {"naples", "oslo"}),
    "match any integer": (q.Filter(must=[field("year", match=q.MatchAny(any=[2019, 1990]))]), {"berlin"}),
    "match except": (
        q.Filter(must=[field("lang", match=q.MatchExcept(**{"except": ["it"]}))]),
        {"berlin", "oslo"},
    ),
    "range of integers": (q.Filter(must=[field("year", range=q.Range(gt=2019, lte=2021))]), {"naples", "oslo"}),
    "range of floats": (q.Filter(must=[field("price", range=q.Range(gte=7.25, lt=9.5))]), {"naples"}),
    "range of dates": (
        q.Filter(
            must=[
                field(
                    "at",
                    range=q.DatetimeRange(
                        gte=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
                        lt=datetime.datetime(2023, 1, 1, tzinfo=datetime.UTC),
                    ),
                )
            ]
        ),
        {"naples"},
    ),
    "geo bounding box": (
        q.Filter(
            must=[field("place", geo_bounding_box=q.GeoBoundingBox(top_left=geo(5, 55), bottom_right=geo(20, 50)))]
        ),
        {"berlin"},
    ),
    "geo radius": (
        q.Filter(must=[field("place", geo_radius=q.GeoRadius(center=geo(14, 41), radius=100_000))]),
        {"naples"},
    ),
    "geo polygon": (q.Filter(must=[field("place", geo_polygon=q.GeoPolygon(exterior=italy))]), {"naples"}),
    "geo polygon with a hole": (
        q.Filter(must=[field("place", geo_polygon=q.GeoPolygon(exterior=italy, interiors=[around_naples]))]),
        set(),
    ),
    "values count": (q.Filter(must=[field("tags", values_count=q.ValuesCount(gte=2))]), {"berlin"}),
    "is empty": (q.Filter(must=[q.IsEmptyCondition(is_empty=q.PayloadField(key="metadata.tags"))]), {"oslo"}),
    "is null": (q.Filter(must=[q.IsNullCondition(is_null=q.PayloadField(key="metadata.note"))]), {"berlin"}),
    "has id": (q.Filter(must=[q.HasIdCondition(has_id=[point_id("oslo", 0)])]), {"oslo"}),
    "has vector": (q.Filter(must=[q.HasVectorCondition(has_vector=MODEL)]), set(DOCUMENTS)),
    "nested": (
        q.Filter(
            must=[
                q.NestedCondition(
                    nested=q.Nested(
                        key="metadata.rooms",
                        filter=q.Filter(
                            must=[
                                q.FieldCondition(key="beds", match=q.MatchValue(value=4)),
                                q.FieldCondition(key="sea", match=q.MatchValue(value=True)),
                            ]
                        ),
                    )
                )
            ]
        ),
        {"berlin"},
    ),
    "several clauses": (
        q.Filter(
            must=[field("price", range=q.Range(gt=5))],
            must_not=[field("tags", match=q.MatchAny(any=["pizza", "wall"]))],
        ),
        {"oslo"},
    ),
    # A slice hashes ids: which points fall into the first half was seen on both engines, and has to stay.
    "slice": (q.Filter(must=[q.SliceCondition(slice=q.Slice(total=2, index=0))]), {"berlin", "naples"}),
    "match text": (q.Filter(must=[field("about", match=q.MatchText(text="narrow"))]), {"naples", "oslo"}),
    "match any text": (
        q.Filter(must=[field("about", match=q.MatchTextAny(text_any="wall fjords"))]),
        {"berlin", "oslo"},
    ),
    "match a phrase": (q.Filter(must=[field("about", match=q.MatchPhrase(phrase="in one night"))]), {"berlin"}),
    "match a prefix": (q.Filter(must=[field("code", match=q.MatchPrefix(prefix="IT-"))]), {"naples"}),
    "match a substring": (q.Filter(must=[field("code", match=q.MatchSubstring(substring="-3"))]), {"oslo"}),
}


NEEDS = {"slice": (1, 19), "match a prefix": (1, 19), "match a substring": (1, 20)}
"""Of a server; all others are older than what Postings needs."""


@pytest.fixture(params=[*ENGINES, PROXY], scope="module")
def cities(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder: Path = tmp_path_factory.mktemp("filters")
    with engine(request.param, folder) as index:
        index.ensure(MODEL, "test model")
        index.upsert([point(id, **metadata) for id, metadata in DOCUMENTS.items()])
        yield index


@pytest.mark.parametrize("case", CASES)
def test_a_filter_chooses_the_same_points_everywhere(cities: Index, case: str, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["cities"] in {"rest", "grpc"} and server_version() < (
        needed := NEEDS.get(case, ())
    ):
        pytest.skip(f"{case} needs Qdrant {needed[0]}.{needed[1]}, this server is {server_version()}")
    client_filter, expected = CASES[case]
    request = SearchRequest(SparseVector([1], [1.0]), MODEL, filter=as_json(client_filter))
    assert {hit.payload["doc_id"] for hit in cities.search(request)} == expected
    assert cities.count(as_json(client_filter)) == len(expected)


def test_a_filter_on_a_field_that_no_passage_has_is_refused_before_anything_is_done(index: Index) -> None:
    index.upsert([point("a"), point("b")])
    for clause in ("must", "must_not"):
        filter = {clause: [{"key": "legs", "match": {"value": 2}}]}
        request = SearchRequest(SparseVector([1], [1.0]), MODEL, filter=filter)
        for use in (index.delete, index.count, lambda given: list(index.scroll(given))):
            with pytest.raises(InvalidFilter, match="no field is called 'legs'"):
                use(filter)
        for search in (index.search, lambda request: index.search_batch([request])):
            with pytest.raises(InvalidFilter, match="no field is called 'legs'"):
                search(request)
    assert index.count() == 2
