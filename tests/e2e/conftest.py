"""A Redis, settings, a file of documents, and commands in processes of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from postings import Settings
from tests.support.jsonl import write_jsonl
from tests.support.queue_commands import POSTINGS, Start, children
from tests.support.redis_server import RedisServer, server_binary
from tests.support.worker import environment_of

RECORDS = [{"id": str(number), "text": f"document number {number} about lions"} for number in range(40)]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), server_binary())
    server.start()
    yield server
    server.kill()


@pytest.fixture
def settings(redis: RedisServer, tmp_path: Path) -> Settings:
    return Settings(
        redis_url=redis.url,  # type: ignore[arg-type]
        collection=tmp_path.name,
        index_url=str(tmp_path / "index"),
        visibility_timeout=2,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "documents.jsonl", RECORDS)


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Starts commands; what still runs after the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [POSTINGS, *arguments],
            env=environment_of(settings) | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        for child in children(process):
            child.kill()
        process.kill()
        process.communicate()
