from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

# Before a framework reads them: no test asks the network, or writes into the user's home.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
os.environ["LANGCHAIN_TRACING_V2"] = "false"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["HF_HUB_OFFLINE"] = "1"

from postings import Document, Encoder, Index, Settings, open_index
from postings_adapters.clients import AsyncClient, Client
from postings_ingest import Pipeline
from postings_query import ApiClient, AsyncApiClient, AsyncSearchClient, SearchClient
from postings_serve.keys import Key, KeyFile
from tests.support.folders import copy_index
from tests.support.sentences import LONG, SENTENCES
from tests.support.served import served


@pytest.fixture(scope="session", autouse=True)
def dspy_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["DSPY_CACHEDIR"] = str(tmp_path_factory.mktemp("dspy"))


@pytest.fixture(scope="session")
def filled_settings(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A folder with the nine sentences and a long document, of two tenants."""
    settings = Settings(index_url=str(tmp_path_factory.mktemp("index") / "own"), tenant_field="owner")
    documents = [
        Document(str(n), text, title="Food" * ("food" in text), metadata={"number": n, "owner": ("ann", "bob")[n % 2]})
        for n, text in enumerate(SENTENCES)
    ]
    with open_index(settings) as index:
        long = Document("long", LONG, metadata={"number": 99, "owner": "ann", "title": "ünïcode 🦁", "postings": 7})
        Pipeline(encoder, index, settings).run([*documents, long])
    return settings


@pytest.fixture(scope="session")
def url(filled_settings: Settings) -> Iterator[str]:
    """A service on the same documents."""
    copy = f"{filled_settings.index_url}-served"
    copy_index(filled_settings.index_url, copy)
    settings = filled_settings.model_copy(update={"index_url": copy})
    keys = KeyFile.of_settings(settings)
    for tenant in (None, "ann", "bob"):
        key, text = Key.create("test", frozenset({"read"}), tenant)
        keys.add(key)
        KEYS[tenant] = text
    with served(settings) as url:
        yield url


KEYS: dict[str | None, str] = {}


@pytest.fixture(scope="session")
def index(filled_settings: Settings, url: str) -> Iterator[Index]:
    with open_index(filled_settings) as index:
        yield index


Opening = Callable[[str | None], Client]
AsyncOpening = Callable[[str | None], AsyncClient]


@pytest.fixture(params=["index", "http"])
def opening(
    request: pytest.FixtureRequest, index: Index, encoder: Encoder, url: str, filled_settings: Settings
) -> Iterator[Opening]:
    """Makes a client of a tenant."""
    with ExitStack() as opened:

        def over_http(tenant: str | None) -> Client:
            return opened.enter_context(ApiClient(url, key=KEYS[tenant]))

        def of_index(tenant: str | None) -> Client:
            return SearchClient(index=index, encoder=encoder, settings=filled_settings, tenant=tenant)

        yield over_http if request.param == "http" else of_index


@pytest.fixture(params=["index", "http"])
def opening_async(
    request: pytest.FixtureRequest, index: Index, encoder: Encoder, url: str, filled_settings: Settings
) -> AsyncOpening:
    """Makes a client of a tenant, for asyncio."""
    if request.param == "http":
        return lambda tenant: AsyncApiClient(url, key=KEYS[tenant])
    return lambda tenant: AsyncSearchClient(index=index, encoder=encoder, settings=filled_settings, tenant=tenant)


@pytest.fixture
def client(opening: Opening) -> Client:
    return opening(None)


@pytest.fixture
def near(index: Index, encoder: Encoder) -> SearchClient:
    """One without HTTP, for what is the same with each client."""
    return SearchClient(index=index, encoder=encoder)
