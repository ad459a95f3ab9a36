"""A server that doesn't know a condition: over gRPC it would drop it, so nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient
from qdrant_client import models as q
from qdrant_client.http.exceptions import UnexpectedResponse

from postings import Settings, SparseVector
from postings.errors import InvalidFilter
from postings.index import Filter, SearchRequest
from postings.index.protocol import WordQuery
from postings.index.server import ServerIndex
from postings.index.server.connection import open_client
from postings.words import WORDS
from tests.support.indexes import MODEL, point
from tests.support.qdrant_server import QdrantServer

NEW: dict[str, tuple[Filter, str]] = {
    "slice": ({"slice": {"total": 2, "index": 0}}, "1.19"),
    "prefix": ({"key": "doc_id", "match": {"prefix": "a"}}, "1.19"),
    "substring": ({"key": "doc_id", "match": {"substring": "a"}}, "1.20"),
}

PLACES: dict[str, Callable[[Filter], Filter]] = {
    "must": lambda condition: {"must": [condition]},
    "alone": lambda condition: {"must": condition},
    "should": lambda condition: {"should": [{"key": "version", "range": {"gte": 0}}, condition]},
    "must not": lambda condition: {"must_not": [condition]},
    "min should": lambda condition: {"min_should": {"conditions": [condition], "min_count": 1}},
    "a filter in a filter": lambda condition: {"must": [{"should": [{"must_not": [condition]}]}]},
    "nested": lambda condition: {"must": [{"nested": {"key": "metadata.rooms", "filter": {"must": [condition]}}}]},
}

CALLS: dict[str, Callable[[ServerIndex, Filter], object]] = {
    "search": lambda index, chosen: index.search(SearchRequest(SparseVector([1], [1.0]), MODEL, filter=chosen)),
    "count": lambda index, chosen: index.count(chosen),
    "scroll": lambda index, chosen: list(index.scroll(chosen)),
    "delete": lambda index, chosen: index.delete(chosen),
}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSTINGS_TEST_FRONT_VERSION", "1.18.3")
        server = QdrantServer(tmp_path_factory.mktemp("old"))
        server.start()
    yield server
    server.kill()


@pytest.fixture(params=["rest", "grpc"])
def index(request: pytest.FixtureRequest, old: QdrantServer) -> Iterator[ServerIndex]:
    port = 0 if request.param == "rest" else old.grpc_port
    with ServerIndex.connect(Settings(index_url=old.url, index_grpc_port=port, collection=request.param)) as index:
        index.ensure(MODEL, "tiny")
        index.upsert([point("a"), point("b")])
        yield index


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("word", NEW)
def test_a_condition_that_is_newer_than_the_server_is_an_error(index: ServerIndex, word: str, call: str) -> None:
    condition, since = NEW[word]
    with pytest.raises(InvalidFilter, match=rf"'{word}' in the filter needs Qdrant {since} .* this server is 1\.18"):
        CALLS[call](index, {"must": [condition]})
    assert index.count() == 2


@pytest.mark.parametrize("place", PLACES)
def test_it_is_found_wherever_it_is_in_the_filter(index: ServerIndex, place: str) -> None:
    for condition, _ in NEW.values():
        with pytest.raises(InvalidFilter, match=r"needs Qdrant 1\."):
            index.count(PLACES[place](condition))
    assert index.count() == 2


def test_a_client_that_was_passed_in_is_asked_for_its_version_first(old: QdrantServer, index: ServerIndex) -> None:
    settings = Settings(index_url=old.url, collection=index.collection)
    client = AsyncQdrantClient(url=old.url, prefer_grpc=True, grpc_port=old.grpc_port, check_compatibility=False)
    with ServerIndex(client, settings) as own:
        with pytest.raises(InvalidFilter, match="'slice'"):
            own.delete({"must": [NEW["slice"][0]]})
        assert own.count({"must": [{"key": "doc_id", "match": {"value": "a"}}]}) == 1


def test_the_in_memory_mode_counts_as_the_newest() -> None:
    with ServerIndex(AsyncQdrantClient(":memory:")) as index:
        index.ensure(MODEL, "tiny")
        index.upsert([point("a"), point("b")])
        index.delete({"must": [NEW["prefix"][0]]})
        assert index.count() == 1


def test_a_server_that_was_updated_meanwhile_is_asked_again(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = QdrantServer(tmp_path_factory.mktemp("updated"))
    try:
        monkeypatch.setenv("POSTINGS_TEST_FRONT_VERSION", "1.18.3")
        server.start()
        with ServerIndex.connect(Settings(index_url=server.url)) as index:
            index.ensure(MODEL, "tiny")
            server.kill()
            monkeypatch.setenv("POSTINGS_TEST_FRONT_VERSION", "1.19.1")
            server.start()
            assert index.count({"must": [NEW["slice"][0]]}) == 0
            with pytest.raises(InvalidFilter, match=r"'substring' .* is 1\.19"):
                index.count({"must": [NEW["substring"][0]]})
    finally:
        server.kill()


def test_the_old_front_does_what_an_old_server_does(old: QdrantServer, index: ServerIndex) -> None:
    """Over REST it refuses, over gRPC it drops: what the tests above stand on."""
    slice = q.Filter(must=[q.SliceCondition(slice=q.Slice(total=2, index=0))])

    async def count(port: int) -> Any:
        client = open_client(Settings(index_url=old.url, index_grpc_port=port))
        try:
            return await client.count(index.collection, count_filter=slice)
        finally:
            await client.close()

    assert asyncio.run(count(old.grpc_port)).count == 2
    with pytest.raises(UnexpectedResponse, match="Format error"):
        asyncio.run(count(0))


def test_a_tenants_words_are_not_counted_with_those_of_others_on_an_old_server(index: ServerIndex) -> None:
    vector = SparseVector([1], [1.0])
    corpus = {"must": [{"key": "tenant", "match": {"value": "acme"}}]}
    with pytest.raises(InvalidFilter, match=r"POSTINGS_WORDS=0 .* 1\.19 or later"):
        index.search(SearchRequest(vector, MODEL, words=WordQuery(vector, 0.5), corpus=corpus))
    with pytest.raises(InvalidFilter, match="tenant's words"):
        index.search(SearchRequest(vector, WORDS, corpus=corpus))
    assert isinstance(index.search(SearchRequest(vector, MODEL, corpus=corpus)), list)
