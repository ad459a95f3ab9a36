"""Queries, filters and collections that a search refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest

from postings import Document, Encoder, Index
from postings.errors import CollectionNotFound, InvalidFilter, InvalidQuery, ModelMismatch
from postings_ingest import Pipeline
from postings_query import SearchClient
from tests.support.filters import number_is


@pytest.mark.parametrize(
    ("query", "options", "expected"),
    [
        ("", {}, "the query is empty"),
        (" \n", {}, "the query is empty"),
        ("\ud800", {}, "isn't valid Unicode"),
        (7, {}, "must be a string, got int"),
        ("x", {"limit": 0}, "limit must be >= 1"),
        ("x", {"offset": -1}, "offset >= 0"),
        ("x", {"limit": 9_999, "offset": 2}, "at most 10,000"),
        (None, {}, "must be a string, got NoneType"),
        (b"x", {}, "must be a string, got bytes"),
        ("x", {"limit": "10"}, "expected an integer for limit, got '10' .str."),
        ("x", {"limit": True}, "expected an integer for limit, got True"),
        ("x", {"limit": 10.0}, "expected an integer for limit, got 10.0"),
        ("x", {"offset": None}, "expected an integer for offset, got None"),
        ("x", {"offset": False}, "expected an integer for offset, got False"),
        ("x", {"score_threshold": "x"}, "expected a number for score_threshold, got 'x'"),
        ("x", {"score_threshold": math.nan}, "expected a number for score_threshold, got nan"),
        ("x", {"score_threshold": [1.0]}, "expected a number for score_threshold"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    client: SearchClient, query: object, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(InvalidQuery, match=expected):
        client.search(query, **options)  # type: ignore[arg-type]


def test_what_is_no_filter_is_refused(client: SearchClient) -> None:
    wrong: Any
    for wrong in ("lang = en", [], [number_is(1)], 5, True):
        with pytest.raises(InvalidFilter, match=f"got {type(wrong).__name__}"):
            client.search("x", filter=wrong)
    with pytest.raises(InvalidFilter):
        client.search("x", filter={"musst": []})


def test_a_string_instead_of_a_batch_is_refused(client: SearchClient) -> None:
    with pytest.raises(InvalidQuery, match="takes a list of queries"):
        client.search_batch("food")
    wrong: Any
    for wrong in (None, 5, b"food"):
        with pytest.raises(InvalidQuery, match="queries must hold"):
            client.search_batch(wrong)
    with pytest.raises(InvalidQuery, match="a query must be a string, got NoneType"):
        client.search_batch(["food", None])  # type: ignore[list-item]


def test_a_collection_that_is_not_there_is_reported_at_the_first_search(index: Index, encoder: Encoder) -> None:
    with pytest.raises(CollectionNotFound):
        SearchClient(index=index, encoder=encoder).search("food")


def test_another_models_collection_is_never_read(index: Index, encoder: Encoder) -> None:
    index.ensure("f" * 32, "another")
    with pytest.raises(ModelMismatch, match="holds vectors of model 'another'"):
        SearchClient(index=index, encoder=encoder).search("food")
    with pytest.raises(ModelMismatch):
        Pipeline(encoder, index).run([Document("a", "text")])
    assert index.count() == 0
