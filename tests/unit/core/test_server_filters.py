"""Filters on their way to a server: nothing is lost, and each word has the version that it came with."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from qdrant_client import models as q

from postings.errors import InvalidFilter
from postings.index import Filter
from postings.index.filters import as_json
from postings.index.server.conversion import to_filter
from postings.index.server.versions import SINCE, need_of, read_version
from tests.contract.test_filters import CASES


def models_of(kind: Any, seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """The models that a filter is made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        seen.add(kind)
        yield kind
        for field in kind.model_fields.values():
            yield from models_of(field.annotation, seen)
    for part in typing.get_args(kind):
        yield from models_of(part, seen)


def test_every_word_of_a_filter_has_its_version() -> None:
    """One that a newer qdrant-client brings must be thought of."""
    fields = [item for model in models_of(q.Filter, set()) for item in model.model_fields.items()]
    assert {field.alias or name for name, field in fields} == SINCE.keys()


def test_no_model_of_a_filter_takes_a_word_that_it_does_not_know() -> None:
    assert {model.model_config.get("extra") for model in models_of(q.Filter, set())} == {"forbid"}


@pytest.mark.parametrize("case", CASES)
def test_every_condition_arrives_whole(case: str) -> None:
    filter = as_json(CASES[case][0])
    assert to_filter(filter).model_dump(mode="json", by_alias=True, exclude_none=True) == filter


SEVERAL: dict[str, Filter] = {
    "match and range": {"must": [{"key": "year", "match": {"value": 2020}, "range": {"gte": 2000}}]},
    "range and values count": {"must": {"key": "year", "range": {"gte": 2000}, "values_count": {"gte": 1}}},
    "match and is null": {"must_not": [{"key": "year", "match": {"value": 1}, "is_null": True}]},
    "match and an empty range": {"must": [{"key": "year", "match": {"value": 1}, "range": {}}]},
    "in a nested filter": {
        "must": [
            {
                "nested": {
                    "key": "rooms",
                    "filter": {"should": [{"key": "beds", "match": {"value": 2}, "range": {"lt": 3}}]},
                }
            }
        ]
    },
}


@pytest.mark.parametrize("case", SEVERAL)
def test_a_clause_that_grpc_would_leave_out_is_refused(case: str) -> None:
    with pytest.raises(InvalidFilter, match="would be lost over gRPC: put each clause in its own condition"):
        to_filter(SEVERAL[case])


WRONG: dict[str, Any] = {
    "an unknown clause": {"musst": []},
    "an unknown condition": {"must": [{"slize": {"total": 2, "index": 0}}]},
    "an unknown word in a condition": {"must": [{"key": "a", "match": {"value": 1}, "boost": 2}]},
    "an unknown word in a match": {"must": [{"key": "a", "match": {"value": 1, "case": True}}]},
    "an unknown word in a nested filter": {"must": [{"nested": {"key": "a", "filter": {"muss": []}}}]},
    "a field without a clause": {"must": [{"key": "a"}]},
    "a number that no server can hold": {"must": [{"key": "a", "match": {"value": 2**70}}]},
    "a negative count": {"must": [{"key": "a", "values_count": {"gte": -1}}]},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_filter_is_refused(case: str) -> None:
    with pytest.raises(InvalidFilter):
        to_filter(WRONG[case])


def test_the_need_of_a_request_is_that_of_its_newest_word_wherever_it_is() -> None:
    substring = to_filter(
        {"must": [{"nested": {"key": "a", "filter": {"must": {"key": "b", "match": {"substring": "x"}}}}}]}
    )
    slice = to_filter({"should": [{"slice": {"total": 2, "index": 0}}]})
    plain = to_filter({"must": [{"key": "slice", "match": {"value": "prefix"}}]})
    query = q.QueryRequest(query=q.SparseVector(indices=[1], values=[1.0]), using="a", limit=1, filter=slice)
    prefetch = q.QueryRequest(prefetch=[q.Prefetch(prefetch=q.Prefetch(filter=substring, limit=3))], limit=1)
    assert need_of([plain, None, 3, "text"]) is None
    assert need_of(([plain, query], {})) == ((1, 19), "slice")
    assert need_of({"requests": [query, prefetch]}) == ((1, 20), "substring")
    assert need_of(q.FilterSelector(filter=slice)) == ((1, 19), "slice")


@pytest.mark.parametrize(
    ("said", "version"),
    [("1.18.3", (1, 18)), ("1.20.0-dev", (1, 20)), ("2.0", (2, 0)), ("", (0, 0)), ("dev", (0, 0))],
)
def test_a_version_is_its_first_two_numbers(said: str, version: tuple[int, int]) -> None:
    assert read_version(said) == version


def test_a_word_that_only_a_newer_client_knows_is_refused_as_a_filter() -> None:
    class Newer(q.Filter):
        nearly: bool = True

    with pytest.raises(InvalidFilter, match="'nearly'"):
        need_of([Newer(must=[], nearly=True)])
