"""The clients of the service have the methods, results and errors of the search clients."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from postings import PostingsError, Settings
from postings.errors import (
    AccessDenied,
    CollectionNotFound,
    ConfigurationError,
    IndexRejected,
    IndexUnavailable,
    InvalidFilter,
    InvalidQuery,
)
from postings_query import ApiClient, AsyncApiClient, SearchClient
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


def test_their_methods_take_the_same_arguments() -> None:
    names = [name for name in vars(SearchClient) if not name.startswith("_")]
    for name in names:
        assert hasattr(ApiClient, name)
    assert [*inspect.signature(ApiClient.search).parameters] == [*inspect.signature(SearchClient.search).parameters]


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


def test_a_service_that_is_away_or_another_is_said(url: str) -> None:
    with (
        ApiClient(f"http://127.0.0.1:{free_port()}") as client,
        pytest.raises(IndexUnavailable, match="can't be reached"),
    ):
        client.search("food")
    with ApiClient(f"{url}/elsewhere") as client, pytest.raises(IndexRejected):
        client.search("food")
    for wrong in ("localhost:8000", "ftp://host", "", "http://"):
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
