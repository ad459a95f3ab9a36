"""Values of metadata fields are counted by documents, on every engine."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postings import Document, Encoder, Index
from postings.errors import CollectionNotFound, InvalidFilter, InvalidQuery
from postings_ingest import Pipeline, delete_documents
from postings_query import Facet, SearchClient, facets
from tests.support.examples import examples
from tests.support.sentences import LONG

scalars = st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0]) | st.text("ab", max_size=2)
metadata = st.dictionaries(
    st.sampled_from("abc"),
    scalars | st.none() | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from("xy"), scalars, max_size=2),
    max_size=3,
)


keys = st.sampled_from(
    ["a", "b", "a.b", "publication year", "", "é", 'a "b"', "back\\slash", "a[]", "[0]", "\0", "0", "-"]
)
numbers = st.sampled_from(
    [0, 1, 2, -1, 2**53 - 1, 2**53, 2**53 + 1, -(2**63), 0.0, -0.0, 1.0, 0.5, 5e-324, 2.0**53, 1e300]
)
leaves = (
    st.booleans() | numbers | st.sampled_from(["", "1", "true", "a\0b", "é", " a", "2023-01-01T00:00:00Z"]) | st.none()
)
inner = st.recursive(
    leaves,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(keys, values, max_size=2),
    max_leaves=5,
)
odd_metadata = st.dictionaries(keys, inner, max_size=3)


def flat(value: Any, path: str | None = None) -> set[tuple[str, type, Any]]:
    """All values in metadata, each once."""
    if isinstance(value, dict):
        return {
            found for key, inner in value.items() for found in flat(inner, key if path is None else f"{path}.{key}")
        }
    if isinstance(value, list):
        return {found for inner in value for found in flat(inner, path)}
    return set() if value is None else {(str(path), _kind(value), value)}


def _kind(value: Any) -> type:
    return type(value) if isinstance(value, bool | str) else float


@settings(max_examples=examples(4), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(metadata, min_size=1, max_size=6))
def test_each_value_is_counted_once_a_document(
    empty_index: Index, encoder: Encoder, rows: list[dict[str, Any]]
) -> None:
    Pipeline(encoder, empty_index).run(Document(str(n), "one", metadata=row) for n, row in enumerate(rows))
    if gone := [str(n) for n in range(len(rows), 6)]:
        delete_documents(empty_index, gone)
    found = facets(empty_index, limit=100)
    wanted = Counter(value for row in rows for value in flat(row))
    counted = {
        (path, _kind(facet.value), facet.value): facet.documents
        for path, each in found.fields.items()
        for facet in each
    }
    assert counted == wanted
    assert (found.documents, found.complete) == (len(rows), True)


@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(odd_metadata, min_size=1, max_size=5))
def test_a_search_with_the_condition_of_a_value_finds_the_documents_that_have_it(
    empty_index: Index, encoder: Encoder, rows: list[dict[str, Any]]
) -> None:
    Pipeline(encoder, empty_index).run(Document(str(n), "one", metadata=row) for n, row in enumerate(rows))
    if gone := [str(n) for n in range(len(rows), 5)]:
        delete_documents(empty_index, gone)
    client = SearchClient(index=empty_index, encoder=encoder)
    for path, each in facets(empty_index, limit=100).fields.items():
        for facet in each:
            number = _kind(facet.value) is float
            nothing_finds_it = '"' in path or "\\" in path or (number and abs(facet.value) >= 2**53)  # type: ignore[arg-type]
            assert (facet.condition is None) == nothing_finds_it
            if facet.condition is not None:
                hits = client.search("one", 10, filter={"must": [facet.condition]})
                having = {str(n) for n, row in enumerate(rows) if (path, _kind(facet.value), facet.value) in flat(row)}
                assert {hit.id for hit in hits} == having


def test_a_field_that_is_written_in_very_many_ways_has_no_condition(empty_index: Index, encoder: Encoder) -> None:
    def nested(depth: int) -> Any:
        return [nested(depth - 1)] if depth else 1

    Pipeline(encoder, empty_index).run(Document(str(n), "one", metadata={"a": nested(n)}) for n in range(11))
    (found,) = facets(empty_index, ["a"]).fields["a"]
    assert (found.documents, found.condition is None) == (11, False), "no list and a list are written alike"
    Pipeline(encoder, empty_index).run([Document("11", "one", metadata={"a": nested(11)})])
    assert facets(empty_index, ["a"]).fields["a"] == [Facet(1, 12, None)]


def test_the_most_frequent_come_first_and_passages_do_not_count(empty_index: Index, encoder: Encoder) -> None:
    documents = [Document(str(n), LONG, metadata={"lang": "en" if n % 3 else "de"}) for n in range(6)]
    Pipeline(encoder, empty_index).run([*documents, Document("text", "one", metadata={"lang": "x" * 201})])
    en, de = (
        Facet(value, number, {"key": "metadata.lang", "match": {"value": value}})
        for value, number in (("en", 4), ("de", 2))
    )
    assert facets(empty_index, ["lang"]).fields == {"lang": [en, de]}
    assert facets(empty_index, ["lang"], limit=1).fields == {"lang": [en]}
    filter = {"must": [{"key": "metadata.lang", "match": {"value": "de"}}]}
    assert facets(empty_index, ["lang"], filter).fields == {"lang": [de]}


def test_what_can_not_be_counted_is_an_error(empty_index: Index, encoder: Encoder) -> None:
    with pytest.raises(CollectionNotFound):
        facets(empty_index)
    empty_index.ensure(encoder.fingerprint, encoder.location)
    assert facets(empty_index).fields == {}
    with pytest.raises(InvalidFilter):
        facets(empty_index, filter={"must": [{"key": "text", "match": {"text": "x"}}]})
    for wrong in ({"limit": 0}, {"limit": "1"}, {"fields": "lang"}, {"fields": [1]}, {"fields": ["metadata.lang"]}):
        with pytest.raises(InvalidQuery):
            facets(empty_index, **wrong)  # type: ignore[arg-type]
