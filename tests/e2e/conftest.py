"""A Redis, settings, a file of documents, and commands in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postings import Settings
from tests.support.cli import Command
from tests.support.jsonl import write_jsonl
from tests.support.queue_commands import Start, children
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
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Starts commands; what still runs after the test is killed."""
    started: list[Command] = []

    def run(*arguments: str, environment: dict[str, str] | None = None) -> Command:
        started.append(Command(tmp_path, *arguments, env=environment_of(settings) | (environment or {})))
        return started[-1]

    yield run
    for command in started:
        for child in children(command):
            child.kill()
        command.kill()
