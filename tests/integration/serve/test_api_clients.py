"""The clients of the service have the methods, results and errors of the search clients."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import numpy as np
import pytest

from postings import Encoder, PostingsError, Settings, open_index
from postings.collections import Collections
from postings.errors import (
    AccessDenied,
    CollectionNotFound,
    ConfigurationError,
    IndexRejected,
    IndexUnavailable,
    InvalidFilter,
    InvalidQuery,
)
from postings_query import ApiClient, AsyncApiClient, AsyncSearchClient, SearchClient
from tests.integration.serve.conftest import Keyed
from tests.support.redis_server import free_port
from tests.support.sentences import SENTENCES


def test_both_give_what_a_search_client_gives(sentences: Settings, url: str) -> None:
    filter = {"must": [{"key": "metadata.number", "range": {"lt": 7}}]}

    async def asked() -> list[object]:
        async with AsyncApiClient(url) as client:
            return [
                await client.search("horse", 3, 1, filter, explain=True),
                await client.search_batch(SENTENCES, 2),
                await client.query_tokens_left_out("lion " * 600),
            ]

    with ApiClient(url) as client:
        found = [
            client.search("horse", 3, 1, filter, explain=True),
            client.search_batch(SENTENCES, 2),
            client.query_tokens_left_out("lion " * 600),
        ]
        model = client.model
    with SearchClient(settings=sentences) as own:
        assert model == own.model
        wanted = [
            own.search("horse", 3, 1, filter, explain=True),
            own.search_batch(SENTENCES, 2),
            own.query_tokens_left_out("lion " * 600),
        ]
    assert found == wanted
    assert asyncio.run(asked()) == wanted


@pytest.mark.parametrize(("own", "of_service"), [(SearchClient, ApiClient), (AsyncSearchClient, AsyncApiClient)])
def test_their_methods_take_the_same_arguments(own: type, of_service: type) -> None:
    """All but ``rerank``: the cross-encoder is the service's. And ``model``: other clients are made for a model."""
    for name in (name for name in vars(own) if not name.startswith("_") and callable(vars(own)[name])):
        wanted, found = (inspect.signature(getattr(kind, name)) for kind in (own, of_service))
        without = [
            [each for each in signature.parameters.values() if each.name not in ("rerank", "model")]
            for signature in (wanted, found)
        ]
        assert without[0] == without[1], name
        assert [*wanted.parameters] == [each for each in found.parameters if each != "model"]
        assert ("model" in found.parameters) == name.startswith("search")
        assert wanted.return_annotation == found.return_annotation
    assert isinstance(vars(ApiClient)["model"], property)


def test_the_model_is_that_of_the_collection_whatever_is_searched(
    sentences: Settings, url: str, encoder: Encoder
) -> None:
    own = sentences.of_collection("other-model")
    with open_index(own) as index:
        index.ensure("0123456789abcdef", "another")
    with ApiClient(url) as default, ApiClient(url, collection="other-model") as other:
        assert [default.model, other.model] == [encoder.name, "another"]
    Collections(sentences).drop("other-model")
    with ApiClient(url, collection="none") as none, pytest.raises(CollectionNotFound):
        _ = none.model


@pytest.mark.parametrize(
    ("collection", "options", "kind"),
    [
        ("none", {}, CollectionNotFound),
        ("no name", {}, InvalidQuery),
        (None, {"limit": 0}, InvalidQuery),
        (None, {"filter": {"must": 1}}, InvalidFilter),
        (None, {"words": 1, "fusion": "dbsf"}, InvalidQuery),
    ],
)
def test_an_error_of_the_service_is_that_of_the_tree(
    url: str, collection: str | None, options: dict[str, object], kind: type[PostingsError]
) -> None:
    with ApiClient(url, collection=collection) as client, pytest.raises(kind):
        client.search("food", **options)  # type: ignore[arg-type]


NAN, INFINITE = float("nan"), float("inf")


def compared(value: object) -> dict[str, object]:
    return {"must": [{"key": "metadata.number", "range": {"gte": value}}]}


@pytest.mark.parametrize(
    ("options", "kind", "named"),
    [
        ({"score_threshold": NAN}, InvalidQuery, "score_threshold"),
        ({"score_threshold": INFINITE}, InvalidQuery, "score_threshold"),
        ({"words": NAN}, InvalidQuery, "words"),
        ({"words": INFINITE}, InvalidQuery, "words"),
        ({"fusion": "\ud800"}, InvalidQuery, "fusion"),
        ({"model": "\ud800"}, InvalidQuery, "model"),
        ({"explain": object()}, InvalidQuery, "explain"),
        ({"filter": compared(NAN)}, InvalidFilter, r"filter\.must\[0\]\.range\.gte"),
        ({"filter": compared(INFINITE)}, InvalidFilter, "finite"),
        ({"filter": compared("\ud800")}, InvalidFilter, "ud800"),
        ({"filter": compared(10**5000)}, InvalidFilter, "digits"),
        ({"filter": {1: []}}, InvalidFilter, "unknown"),
        ({"filter": {"\ud800": []}}, InvalidFilter, "ud800"),
        ({"filter": {"\ud800": [NAN]}}, InvalidFilter, "ud800"),
    ],
)
def test_what_cannot_be_sent_is_an_error_of_the_tree(
    url: str, options: dict[str, Any], kind: type[PostingsError], named: str
) -> None:
    async def asked() -> None:
        async with AsyncApiClient(url) as client:
            await client.search("food", **options)

    with ApiClient(url) as client, pytest.raises(kind, match=named) as refused:
        client.search("food", **options)
    assert str(refused.value).isprintable()
    with pytest.raises(kind, match=named):
        asyncio.run(asked())


def test_nor_can_a_collection_that_is_no_text(url: str) -> None:
    with ApiClient(url, collection="\ud800") as client:
        with pytest.raises(InvalidQuery, match="collection"):
            client.search("food")
        with pytest.raises(InvalidQuery, match="collection"):
            _ = client.model


def test_numbers_of_numpy_are_sent(url: str) -> None:
    with ApiClient(url) as client:
        options = {"score_threshold": np.float32(0.5), "filter": compared(np.int64(3))}
        assert client.search("food", np.int64(2), **options) == client.search(  # type: ignore[arg-type]
            "food", 2, score_threshold=0.5, filter=compared(3)
        )


def test_a_closed_client_says_so(url: str) -> None:
    async def asked() -> None:
        client = AsyncApiClient(url)
        await client.close()
        await client.search("food")

    client = ApiClient(url)
    client.close()
    with pytest.raises(IndexUnavailable, match="closed"):
        client.search("food")
    with pytest.raises(IndexUnavailable, match="closed"):
        _ = client.model
    with pytest.raises(IndexUnavailable, match="closed"):
        asyncio.run(asked())


def test_a_service_that_is_away_or_another_is_said(url: str) -> None:
    with (
        ApiClient(f"http://127.0.0.1:{free_port()}") as client,
        pytest.raises(IndexUnavailable, match="can't be reached"),
    ):
        client.search("food")
    with ApiClient(f"{url}/elsewhere") as client, pytest.raises(IndexRejected):
        client.search("food")
    for wrong in ("localhost:8000", "ftp://host", "", "http://", "http://\ud800"):
        with pytest.raises(ConfigurationError, match="expected"):
            ApiClient(wrong)


def test_a_key_is_needed_and_never_shown(keyed: Keyed) -> None:
    key = keyed.key("read")
    with ApiClient(keyed.url, key=key) as client:
        assert client.search("food")
    with ApiClient(keyed.url) as client, pytest.raises(AccessDenied, match="an API key is needed"):
        client.search("food")
    with pytest.raises(ConfigurationError) as refused:
        ApiClient(keyed.url, key=f"{key}\n")
    assert key not in str(refused.value)
