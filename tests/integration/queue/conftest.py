from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from postings import Settings
from postings_ingest import Ledger
from tests.support.indexes import SERVER_URL, drop, server_settings
from tests.support.queue_keys import QueueKeys
from tests.support.redis_server import RedisServer
from tests.support.worker import StartWorker, Worker


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Iterator[Settings]:
    """A queue and a collection of the test's own: on the server that the environment names, else embedded."""
    collection = f"test-{uuid.uuid4().hex[:12]}"
    queue = {"redis_url": redis_url, "visibility_timeout": 2}
    if not os.environ.get(SERVER_URL):
        yield Settings(collection=collection, index_url=str(tmp_path / "index"), **queue)  # type: ignore[arg-type]
        return
    settings = server_settings(collection, **queue)
    yield settings
    drop(settings)


@pytest.fixture
def keys(settings: Settings) -> Iterator[QueueKeys]:
    keys = QueueKeys(settings)
    yield keys
    keys.delete_all()


@pytest.fixture
def ledger(settings: Settings, keys: QueueKeys) -> Ledger:
    return Ledger(settings)


@pytest.fixture
def limited_redis(own_redis: RedisServer) -> Iterator[RedisServer]:
    """One whose memory a test may limit."""
    yield own_redis
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", 0)


@pytest.fixture
def start_worker(settings: Settings, ledger: Ledger, tmp_path: Path) -> Iterator[StartWorker]:
    """Starts workers; what still runs after the test is killed."""
    started: list[Worker] = []

    def start(*, faults: Path | None = None, settings: Settings = settings) -> Worker:
        worker = Worker(settings, tmp_path / "worker.log", faults=faults)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()


@pytest.fixture
def faults(tmp_path: Path) -> Path:
    """The folder that switches a worker's faults on: see :mod:`tests.support.faulty_app`."""
    folder = tmp_path / "faults"
    folder.mkdir()
    return folder
