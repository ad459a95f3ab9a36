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
from postings_query import Facet, facets
from tests.support.examples import examples
from tests.support.sentences import LONG

scalars = st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0]) | st.text("ab", max_size=2)
metadata = st.dictionaries(
    st.sampled_from("abc"),
    scalars | st.none() | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from("xy"), scalars, max_size=2),
    max_size=3,
)


def flat(value: Any, path: str = "") -> set[tuple[str, type, Any]]:
    """All values in metadata, each once."""
    if isinstance(value, dict):
        return {found for key, inner in value.items() for found in flat(inner, f"{path}.{key}" if path else key)}
    if isinstance(value, list):
        return {found for inner in value for found in flat(inner, path)}
    return set() if value is None else {(path, type(value), value)}


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
        (path, type(facet.value), facet.value): facet.documents for path, each in found.fields.items() for facet in each
    }
    assert counted == wanted
    assert (found.documents, found.complete) == (len(rows), True)


def test_the_most_frequent_come_first_and_passages_do_not_count(empty_index: Index, encoder: Encoder) -> None:
    documents = [Document(str(n), LONG, metadata={"lang": "en" if n % 3 else "de"}) for n in range(6)]
    Pipeline(encoder, empty_index).run([*documents, Document("text", "one", metadata={"lang": "x" * 201})])
    assert facets(empty_index, ["lang"]).fields == {"lang": [Facet("en", 4), Facet("de", 2)]}
    assert facets(empty_index, ["lang"], limit=1).fields == {"lang": [Facet("en", 4)]}
    filter = {"must": [{"key": "metadata.lang", "match": {"value": "de"}}]}
    assert facets(empty_index, ["lang"], filter).fields == {"lang": [Facet("de", 2)]}


def test_what_can_not_be_counted_is_an_error(empty_index: Index, encoder: Encoder) -> None:
    with pytest.raises(CollectionNotFound):
        facets(empty_index)
    empty_index.ensure(encoder.fingerprint, encoder.location)
    assert facets(empty_index).fields == {}
    with pytest.raises(InvalidFilter):
        facets(empty_index, filter={"must": [{"key": "text", "match": {"text": "x"}}]})
    for wrong in ({"limit": 0}, {"limit": "1"}, {"fields": "lang"}, {"fields": [1]}):
        with pytest.raises(InvalidQuery):
            facets(empty_index, **wrong)  # type: ignore[arg-type]
