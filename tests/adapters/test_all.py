"""What each framework's retriever promises, with each client."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from llama_index.core.vector_stores import MetadataFilters
from qdrant_client import models

from postings import Encoder, Index
from postings.errors import AccessDenied, IndexUnavailable, InvalidFilter, InvalidInput, InvalidQuery, PostingsError
from postings_adapters.clients import Client
from postings_query import ApiClient, AsyncApiClient, AsyncSearchClient, Hit, Hits, SearchClient
from tests.adapters.conftest import AsyncOpening, Opening
from tests.adapters.frameworks import ASYNC, SYNC, AsyncSearching, Found, Searching
from tests.support.sentences import SENTENCES

NUMBER = {"must": [{"key": "metadata.number", "range": {"lt": 5}}]}


@pytest.fixture(params=SYNC)
def searching(request: pytest.FixtureRequest) -> Searching:
    return SYNC[request.param]


@pytest.fixture(params=ASYNC)
def searching_async(request: pytest.FixtureRequest) -> AsyncSearching:
    return ASYNC[request.param]


def same(found: list[Found], hits: list[Hit]) -> None:
    """Check that all hits came, in their order, with all that they say."""
    assert [(each.id, each.text, each.score) for each in found] == [
        (f"{hit.id}#{hit.ordinal}", hit.text, hit.score) for hit in hits
    ]
    for each, hit in zip(found, hits, strict=True):
        own = dict(each.metadata)
        told = own.pop("postings")
        assert own == {name: value for name, value in hit.metadata.items() if name != "postings"}
        assert Hit.from_json({**told, "text": each.text, "metadata": hit.metadata}) == hit
        json.dumps(told)


@pytest.mark.parametrize("query", [*SENTENCES[:3], "food", "ünïcode 🦁 \u202e", "a" * 5000])
def test_a_retriever_finds_what_the_client_finds(searching: Searching, client: Client, query: str) -> None:
    hits = client.search(query, explain=True)
    assert all(hit.contributions for hit in hits)
    same(searching(client, query), hits)


def test_evidence_marks_the_text_that_came_with_it(searching: Searching, client: Client) -> None:
    (found,) = searching(client, "violin", 1)
    part = found.metadata["postings"]["contributions"][0]
    assert [found.text[start:end] for start, end in part["evidence"]] == ["violin"]
    assert sum(each["contribution"] for each in found.metadata["postings"]["contributions"]) == pytest.approx(
        found.score, rel=1e-5
    )


def test_several_passages_of_a_document_have_ids_of_their_own(searching: Searching, client: Client) -> None:
    found = searching(client, "horses and a number", 100)
    assert len([each for each in found if each.metadata["postings"]["id"] == "long"]) > 1
    assert len({each.id for each in found}) == len(found)


@pytest.mark.parametrize(
    "options",
    [
        {"filter": NUMBER},
        {"filter": models.Filter.model_validate(NUMBER)},
        {"explain": False},
        {"words": 0.0, "offset": 1},
        {"group_by_document": True, "fusion": "rrf"},
        {"score_threshold": 5.0},
    ],
    ids=str,
)
def test_options_of_the_search_reach_it(searching: Searching, client: Client, options: dict[str, Any]) -> None:
    hits = client.search("a man is eating food", 3, **{"explain": True, **options})
    assert hits
    same(searching(client, "a man is eating food", 3, **options), hits)


def test_without_explanation_there_are_no_contributions(searching: Searching, client: Client) -> None:
    assert "contributions" not in searching(client, "food", 1, explain=False)[0].metadata["postings"]


@pytest.mark.parametrize(
    "filter",
    [
        {"lang": "en"},  # LangChain's stores
        {"field": "meta.lang", "operator": "==", "value": "en"},  # Haystack's
        MetadataFilters.from_dicts([{"key": "lang", "value": "en"}]),  # LlamaIndex's
        {"must": [{"key": "lang", "match": {"value": "en"}}]},
        "lang = en",
        lambda document: True,
    ],
    ids=["langchain", "haystack", "llama-index", "unknown field", "text", "function"],
)
def test_filters_in_another_form_are_refused(searching: Searching, client: Client, filter: object) -> None:
    with pytest.raises(InvalidFilter):
        searching(client, "food", filter=filter)


@pytest.mark.parametrize("k", [0, -1, 10**9, 1.5, "3", True])
def test_what_is_no_limit_is_refused(searching: Searching, client: Client, k: Any) -> None:
    with pytest.raises(ValueError, match=r"limit|k\n"):  # pydantic's ValidationError, or InvalidQuery
        searching(client, "food", k)


def test_one_passage_may_be_asked_for(searching: Searching, client: Client) -> None:
    assert len(searching(client, "food", 1)) == 1


@pytest.mark.parametrize("query", ["", "  \n", "\ud800"])
def test_a_query_without_text_is_refused(
    searching: Searching, searching_async: AsyncSearching, client: Client, query: str
) -> None:
    with pytest.raises(InvalidQuery):
        searching(client, query)
    with pytest.raises(InvalidQuery):
        asyncio.run(to_coroutine(searching_async(client, query)))


async def to_coroutine(work: Any) -> Any:
    return await work


def test_errors_of_the_service_are_those_of_the_tree(searching: Searching, url: str) -> None:
    with ApiClient(url, key="wrong") as client, pytest.raises(AccessDenied):
        searching(client, "food")
    with ApiClient("http://127.0.0.1:9") as client, pytest.raises(IndexUnavailable):
        searching(client, "food")


def test_a_tenant_finds_its_own_documents_alone(searching: Searching, opening: Opening) -> None:
    owners = {
        tenant: {each.metadata["owner"] for each in searching(opening(tenant), "a man is eating food", 100)}
        for tenant in (None, "ann", "bob")
    }
    assert owners == {None: {"ann", "bob"}, "ann": {"ann"}, "bob": {"bob"}}


def test_each_retriever_finds_the_same_for_asyncio(
    searching_async: AsyncSearching, client: Client, opening_async: AsyncOpening
) -> None:
    async def find() -> None:
        hits = client.search("food", 4, filter=NUMBER, explain=True)
        asynchronous: Any = opening_async(None)
        async with asynchronous:
            work = [searching_async(asynchronous, "food", 4, filter=NUMBER) for _ in range(5)]
            for found in await asyncio.gather(*work):
                same(found, hits)
        same(await searching_async(client, "food", 4, filter=NUMBER), hits)

    asyncio.run(find())


class Waiting(SearchClient):
    """Answers once it is told to."""

    entered, told = threading.Event(), threading.Event()

    def search(self, *args: Any, **kwargs: Any) -> Hits:
        self.entered.set()
        assert self.told.wait(30), "the event loop was blocked"
        return super().search(*args, **kwargs)


def test_a_client_that_waits_does_not_block_the_event_loop(
    searching_async: AsyncSearching, index: Index, encoder: Encoder
) -> None:
    client = Waiting(index=index, encoder=encoder)
    client.entered, client.told = threading.Event(), threading.Event()

    async def find() -> list[Found]:
        finding = asyncio.ensure_future(searching_async(client, "food"))
        while not client.entered.is_set() and not finding.done():
            await asyncio.sleep(0.001)
        client.told.set()
        return await finding

    assert asyncio.run(find())


@pytest.mark.parametrize("kind", [AsyncApiClient, AsyncSearchClient])
def test_a_client_for_asyncio_says_so_where_nothing_awaits_it(searching: Searching, kind: type, index: Index) -> None:
    client = kind("http://localhost:9") if kind is AsyncApiClient else kind(index=index)
    with pytest.raises(InvalidInput, match=f"{kind.__name__} is for asyncio: .* pass {kind.__name__[5:]}"):
        searching(client, "food")


def test_an_unknown_option_is_refused(searching: Searching, near: SearchClient) -> None:
    with pytest.raises((TypeError, PostingsError), match="top_n"):
        searching(near, "food", top_n=3)
