from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from postings import Document, Encoder, Index
from postings_ingest import Pipeline
from postings_query import SearchClient
from tests.support.indexes import ENGINES, engine
from tests.support.qdrant_server import QdrantServer
from tests.support.redis_server import RedisServer, server_binary
from tests.support.sentences import LONG, SENTENCES


@pytest.fixture(params=ENGINES)
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    with engine(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantServer]:
    """A server of the module's own."""
    with QdrantServer(tmp_path_factory.mktemp("qdrant")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_binary() -> str:
    """What a Redis of the tests' own is started from."""
    return server_binary()


@pytest.fixture(scope="session")
def own_redis(redis_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One that tests may kill."""
    server = RedisServer(tmp_path_factory.mktemp("redis"), redis_binary)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def forgetful_redis(redis_binary: str, tmp_path: Path) -> Iterator[RedisServer]:
    """One that keeps nothing on the disk, and has lost everything once it was killed."""
    (folder := tmp_path / "redis").mkdir()
    server = RedisServer(folder, redis_binary, appendonly="no")
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """The one that the environment names, else a process."""
    if url := os.environ.get("POSTINGS_TEST_REDIS_URL"):
        return url
    server: RedisServer = request.getfixturevalue("own_redis")
    return server.url


@pytest.fixture(scope="module", params=ENGINES)
def filled(
    request: pytest.FixtureRequest, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Index]:
    """An index that tests only read."""
    documents = [
        Document(str(n), text, title="Food" if "eating" in text else "", metadata={"number": n}, version=5)
        for n, text in enumerate(SENTENCES)
    ]
    with engine(request.param, tmp_path_factory.mktemp("index")) as index:
        Pipeline(encoder, index).run([*documents, Document("long", LONG, metadata={"number": 99})])
        yield index


@pytest.fixture
def client(filled: Index, encoder: Encoder) -> SearchClient:
    return SearchClient(index=filled, encoder=encoder)
