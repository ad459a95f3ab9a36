"""Long strings in metadata are stored once a document, and nobody who searches can tell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from postings import Document, Encoder, Index, Settings
from postings.errors import InvalidFilter
from postings.index.payload import of_documents, tombstone_point
from postings_ingest.indexing import Indexer
from postings_query import AsyncSearchClient, Hit, SearchClient
from tests.support.examples import examples
from tests.support.interleaving import Writer

SETTINGS = Settings(passage_tokens=8, passage_overlap=0)
TEXT = "A lion hunts. A cheetah runs. A monkey plays. A man eats. A tiger waits. A lion sleeps."
HTML = "<p>violin</p>" + "<p>sound</p>" * 2000 + "<p>guitar</p>"
PAGES = [{"number": 1, "body": "drums " * 1000}, {"number": 2, "body": "short"}]

DOCUMENTS = {
    "long": {"lang": "en", "tags": ["a", "b"], "html": HTML, "pages": PAGES, "note": None},
    "other": {"lang": "en", "html": HTML.replace("guitar", "piano"), "a.b": {"c": "trumpet " * 900}},
    "short": {"lang": "de", "html": "<p>guitar</p>", "pages": [{"number": 3, "body": "guitar"}]},
    "bare": {},
}


def write(index: Index, encoder: Encoder, *documents: Document) -> None:
    indexer = Indexer(encoder, index, SETTINGS)
    indexer.write(indexer.encode(documents))


def write_all(index: Index, encoder: Encoder) -> None:
    index.ensure(encoder.fingerprint, encoder.name)
    write(index, encoder, *(Document(id, TEXT, metadata=metadata) for id, metadata in DOCUMENTS.items()))


def found(hits: list[Hit]) -> set[tuple[str, int]]:
    return {(hit.id, hit.ordinal) for hit in hits}


def metadata_of(points: list[Any]) -> dict[int, Mapping[str, Any]]:
    return {point.payload["ordinal"]: point.payload["metadata"] for point in points}


def test_only_the_head_has_long_strings(empty_index: Index, encoder: Encoder) -> None:
    write_all(empty_index, encoder)
    stored = metadata_of(list(empty_index.scroll(of_documents(["long"]))))
    head = stored.pop(0)
    assert head == DOCUMENTS["long"]
    assert len(stored) > 2
    short = {**DOCUMENTS["long"], "html": HTML[:256], "pages": [{"number": 1, "body": ("drums " * 50)[:256]}, PAGES[1]]}
    assert all(metadata == short for metadata in stored.values())
    assert len(json.dumps(stored[1])) < 1000
    unchanged = metadata_of(list(empty_index.scroll(of_documents(["short"]))))
    assert all(metadata == DOCUMENTS["short"] for metadata in unchanged.values())


@pytest.mark.parametrize("grouped", [False, True])
def test_every_hit_has_the_whole_metadata(empty_index: Index, encoder: Encoder, grouped: bool) -> None:
    write_all(empty_index, encoder)
    with SearchClient(index=empty_index, encoder=encoder) as client:
        hits = client.search("a tiger that plays", 100, group_by_document=grouped, explain=True)
    assert {hit.id for hit in hits} == DOCUMENTS.keys()
    assert any(hit.ordinal for hit in hits)
    for hit in hits:
        assert hit.metadata == DOCUMENTS[hit.id]

    async def search() -> list[Hit]:
        async with AsyncSearchClient(index=empty_index, encoder=encoder) as client:
            return await client.search("a tiger that plays", 100, group_by_document=grouped, explain=True)

    assert asyncio.run(search()) == hits


FILTERS: dict[str, tuple[Any, set[str]]] = {
    "a short value": ({"key": "lang", "match": {"value": "en"}}, {"long", "other"}),
    "an element": ({"key": "tags", "match": {"value": "b"}}, {"long"}),
    "a word at the end": ({"key": "html", "match": {"text": "guitar"}}, {"long", "short"}),
    "a word that the beginning cuts": ({"key": "pages[].body", "match": {"text": "drums"}}, {"long"}),
    "a whole long value": ({"key": "html", "match": {"value": HTML}}, {"long"}),
    "the stored beginning alone": ({"key": "html", "match": {"value": HTML[:256]}}, set()),
    "one of long values": ({"key": "html", "match": {"any": [HTML, "<p>guitar</p>"]}}, {"long", "short"}),
    "a key in quotation marks": ({"key": '"a.b".c', "match": {"text": "trumpet"}}, {"other"}),
    "absent": ({"is_empty": {"key": "metadata.html"}}, {"bare"}),
    "a number of elements": ({"key": "pages", "values_count": {"gte": 2}}, {"long"}),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_hold_for_every_passage(empty_index: Index, encoder: Encoder, name: str) -> None:
    write_all(empty_index, encoder)
    condition, expected = FILTERS[name]
    if "key" in condition:
        condition = {**condition, "key": f"metadata.{condition['key']}"}
    with SearchClient(index=empty_index, encoder=encoder) as client:
        everything = found(client.search("a lion that plays", 100))
        hits = found(client.search("a lion that plays", 100, filter={"must": [condition]}))
        others = found(client.search("a lion that plays", 100, filter={"must_not": condition}))
    assert hits == {(id, ordinal) for id, ordinal in everything if id in expected}
    assert hits | others == everything
    assert not hits & others


_words = st.sampled_from(["guitar", "drum", "violin", "a", "b" * 256, "guitar" * 60])
_strings = st.tuples(_words, st.integers(0, 6000), _words).map(
    lambda parts: " ".join((parts[0], "x" * parts[1], parts[2]))
)
_values = st.recursive(
    _strings | st.integers(0, 3) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)
_metadata = st.dictionaries(st.sampled_from("ab"), _values, max_size=2)
_keys = st.sampled_from(["metadata.a", "metadata.b", "metadata.a.a", "metadata.b[].a", 'metadata."a"', "metadata.a[]"])
_conditions = st.one_of(
    st.builds(lambda key, text: {"key": key, "match": {"text": text}}, _keys, _words),
    st.builds(lambda key, value: {"key": key, "match": {"value": value}}, _keys, _strings | st.integers(0, 3)),
    st.builds(lambda key, values: {"key": key, "match": {"except": values}}, _keys, st.lists(_words, min_size=1)),
    st.builds(lambda key: {"is_empty": {"key": key}}, _keys),
    st.just({"key": "ordinal", "match": {"value": 1}}),
)
_filters = st.recursive(
    _conditions,
    lambda inner: st.dictionaries(
        st.sampled_from(["must", "should", "must_not"]), st.lists(inner, min_size=1), min_size=1
    ),
    max_leaves=4,
).map(lambda made: {"must": [made]})


@pytest.mark.parametrize("empty_index", ["edge"], indirect=True)
@hypothesis_settings(
    max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(metadata=st.lists(_metadata, min_size=1, max_size=4), filter=_filters)
def test_a_search_finds_what_it_would_if_every_passage_had_everything(
    empty_index: Index, encoder: Encoder, metadata: list[dict[str, Any]], filter: dict[str, Any]
) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    empty_index.delete({"must": [{"key": "version", "range": {"gte": 0}}]})
    documents = [Document(str(number), TEXT, metadata=each, version=1) for number, each in enumerate(metadata)]
    indexer = Indexer(encoder, empty_index, SETTINGS)
    prepared = indexer.encode(documents)
    indexer.write(prepared)
    with SearchClient(index=empty_index, encoder=encoder) as client:
        hits = client.search("a lion that plays", 100, filter=filter)
        assert all(hit.metadata == metadata[int(hit.id)] for hit in hits)
        everywhere = [
            replace(point, payload={**point.payload, "metadata": document.metadata, "at_head": []})
            for document, each in zip(documents, prepared, strict=True)
            for point in each.points
        ]
        empty_index.upsert(everywhere)
        assert client.search("a lion that plays", 100, filter=filter) == hits


def searched(index: Index, encoder: Encoder, meanwhile: Callable[[], object], step: int, **options: Any) -> list[Hit]:
    """The hits of a search, when something happens before its call number ``step`` on the index."""
    hits: list[Hit] = []

    def search(index: Index) -> None:
        with SearchClient(index=index, encoder=encoder) as client:
            hits.extend(client.search("a tiger and a lion", 100, **options))

    searching = Writer(index, search)
    for _ in range(step):
        if not searching.done:
            searching.step()
    meanwhile()
    searching.finish()
    return hits


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("clause", [None, "must", "must_not"])
@pytest.mark.parametrize(("old", "new"), [(HTML, "piano"), (HTML.replace("guitar", "piano"), HTML)])
@pytest.mark.parametrize("empty_index", ["edge"], indirect=True)
def test_a_document_replaced_in_mid_search_is_searched_again(
    empty_index: Index, encoder: Encoder, old: str, new: str, clause: str | None, grouped: bool
) -> None:
    condition = {"key": "metadata.html", "match": {"text": "guitar"}}
    filter = clause and {clause: [condition]}
    write_all(empty_index, encoder)
    changed = Document("long", TEXT.replace("lion", "cat"), metadata={"html": new})
    for step in range(1, 6):
        write(empty_index, encoder, Document("long", TEXT, metadata={"html": old}))
        hits = searched(
            empty_index,
            encoder,
            lambda: write(empty_index, encoder, changed),
            step,
            filter=filter,
            group_by_document=grouped,
        )
        assert hits
        for hit in hits:
            shown = hit.metadata.get("html", "")
            assert clause != "must" or "guitar" in shown
            assert clause != "must_not" or "guitar" not in shown
            if hit.id == "long":
                assert shown in ((new,) if "cat" in hit.text else (old,) if "lion" in hit.text else (old, new))


@pytest.mark.parametrize("empty_index", ["edge"], indirect=True)
def test_passages_that_a_delete_left_behind_are_no_hits(empty_index: Index, encoder: Encoder) -> None:
    write_all(empty_index, encoder)
    empty_index.upsert([tombstone_point("long", 2**50, 2**50)])
    with SearchClient(index=empty_index, encoder=encoder) as client:
        assert {hit.id for hit in client.search("a tiger and a lion", 100)} == DOCUMENTS.keys() - {"long"}


@pytest.mark.parametrize("empty_index", ["edge"], indirect=True)
def test_a_condition_that_holds_for_too_many_documents_says_so(
    empty_index: Index, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postings_query.long_strings.MAX_DOCUMENTS", 1)
    write_all(empty_index, encoder)
    condition = {"key": "metadata.html", "match": {"text": "violin"}}
    with SearchClient(index=empty_index, encoder=encoder) as client:
        with pytest.raises(InvalidFilter, match=r"long strings in 'metadata\.html' matches more than 1 "):
            client.search("a lion", filter={"must": [condition]})
        narrow = {"must": [{"key": "metadata.tags", "match": {"value": "b"}}, condition]}
        assert {hit.id for hit in client.search("a lion", filter=narrow)} == {"long"}


@pytest.mark.parametrize("empty_index", ["edge", "memory"], indirect=True)
def test_a_delete_by_long_strings_is_refused(empty_index: Index, encoder: Encoder) -> None:
    write_all(empty_index, encoder)
    before = empty_index.count()
    with pytest.raises(InvalidFilter, match="select the documents by 'doc_id' instead"):
        empty_index.delete({"must": [{"key": "metadata.html", "match": {"text": "violin"}}]})
    assert empty_index.count() == before


@pytest.mark.parametrize("empty_index", ["edge"], indirect=True)
@pytest.mark.parametrize(
    ("filter", "place"),
    [
        ({"key": "metadata.html", "match": {"text": "guitar"}}, r"filter"),
        ({"must": [{"key": "metadata.html", "match": {"text": 5}}]}, r"filter\.must\[0\]"),
    ],
)
def test_what_is_no_filter_is_refused_where_it_is(
    empty_index: Index, encoder: Encoder, filter: dict[str, Any], place: str
) -> None:
    write_all(empty_index, encoder)
    with SearchClient(index=empty_index, encoder=encoder) as client, pytest.raises(InvalidFilter, match=f"^{place}"):
        client.search("a lion", filter=filter)
