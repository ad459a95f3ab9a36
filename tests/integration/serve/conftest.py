from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import httpx
import pytest

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline
from postings_serve.keys import Key, KeyFile, Scope
from tests.integration.queue.conftest import faults, keys, ledger, settings, start_worker
from tests.support.folders import copy_index
from tests.support.sentences import LONG, SENTENCES
from tests.support.served import served
from tests.support.service import Service

__all__ = ["faults", "keys", "ledger", "settings", "start_worker"]


@pytest.fixture
def service(settings: Settings, keys: object) -> Iterator[Service]:
    with Service(settings) as service:
        yield service


@pytest.fixture(scope="module")
def sentences(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Settings:
    """A folder with the nine sentences and a long document, of two tenants."""
    sentences = Settings(
        index_url=str(tmp_path_factory.mktemp("index")), redis_url=redis_url, tenant_field="owner", serve_timeout=10
    )
    documents = [
        Document(str(n), text, metadata={"number": n, "owner": ("ann", "bob")[n % 2]}, version=5)
        for n, text in enumerate(SENTENCES)
    ]
    with open_index(sentences) as index:
        long = Document("long", LONG, metadata={"number": 99, "owner": "ann"})
        Pipeline(encoder, index, sentences).run([*documents, long])
    copy_index(sentences.index_url, f"{sentences.index_url}-copy")  # while nobody has it open
    return sentences


@pytest.fixture(scope="module")
def url(sentences: Settings) -> Iterator[str]:
    """A service without keys."""
    with served(sentences) as url:
        yield url


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    """Asks the service."""
    with httpx.Client(base_url=url) as client:
        yield client


class Keyed:
    """A service that needs keys.

    Attributes:
        url: its address.
        keys: where its keys are.
    """

    def __init__(self, url: str, keys: KeyFile) -> None:
        self.url = url
        self.keys = keys
        self._client = httpx.Client(base_url=url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._client.close()

    def key(self, *scopes: Scope, tenant: str | None = None) -> str:
        """A new key."""
        key, text = Key.create("test", frozenset(scopes), tenant)
        self.keys.add(key)
        return text

    def ask(self, key: str | None, method: str, path: str, json: object = None) -> httpx.Response:
        """Ask with a key."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return self._client.request(method, path, json=json, headers=headers)


@pytest.fixture(scope="module")
def keyed(sentences: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    own = sentences.model_copy(update={"index_url": str(tmp_path_factory.mktemp("keyed") / "index")})
    copy_index(f"{sentences.index_url}-copy", own.index_url)
    keys = KeyFile.of_settings(own)
    keys.add(Key.create("first", frozenset({"admin"}))[0])
    with served(own) as url, Keyed(url, keys) as keyed:
        yield keyed
