"""What is said of a Redis that may lose what it has accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postings import Document, Settings
from postings_ingest import Ledger, Producer
from tests.support.queue_keys import QueueKeys
from tests.support.redis_server import RedisServer

StartRedis = Callable[..., RedisServer]


@pytest.fixture
def start_redis(redis_binary: str, tmp_path: Path) -> Iterator[StartRedis]:
    started: list[RedisServer] = []

    def start(**options: str) -> RedisServer:
        (folder := tmp_path / str(len(started))).mkdir()
        server = RedisServer(folder, redis_binary, **{name.replace("_", "-"): value for name, value in options.items()})
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


def ledger_of(redis: RedisServer, user: str = "") -> Ledger:
    return Ledger(Settings(redis_url=redis.url.replace("//", f"//{user}")))  # type: ignore[arg-type]


NO_FILE = "keeps no append-only file: when it stops, it loses "
RISKS = [
    ({"appendonly": "no"}, [NO_FILE + "everything, as it writes no snapshots; set appendonly yes"]),
    (
        {"appendonly": "no", "save": "3600 1"},
        [NO_FILE + "what was accepted since its last snapshot; set appendonly yes"],
    ),
    ({"appendfsync": "no"}, ["leaves it to the system when to write its append-only file"]),
    (
        {"maxmemory": "64mb", "maxmemory_policy": "allkeys-lru"},
        ["drops accepted documents when its memory is full: its maxmemory-policy is allkeys-lru"],
    ),
    (
        {"maxmemory_policy": "allkeys-random"},
        ["drops accepted documents as soon as it has a maxmemory and that is full: its maxmemory-policy is"],
    ),
    (
        {"maxmemory": "64mb", "maxmemory_policy": "volatile-ttl"},
        ["drops the counts of jobs when its memory is full, so that waiting for a job fails"],
    ),
    ({"maxmemory_policy": "volatile-lru"}, []),
    ({"appendfsync": "everysec", "maxmemory": "64mb"}, []),
    ({}, []),
]


@pytest.mark.parametrize(("options", "expected"), RISKS)
def test_what_redis_may_lose_is_said_in_a_line_each(
    start_redis: StartRedis, options: dict[str, str], expected: list[str]
) -> None:
    lines = ledger_of(start_redis(**options)).risks()
    assert len(lines) == len(expected)
    for line, part in zip(lines, expected, strict=True):
        assert part in line
        assert line.startswith("Redis at 127.0.0.1:")


def test_a_redis_that_tells_no_settings_is_asked_for_its_state(start_redis: StartRedis) -> None:
    redis = start_redis(appendonly="no", maxmemory="64mb", maxmemory_policy="allkeys-lfu")
    admin = QueueKeys(Settings(redis_url=redis.url)).redis  # type: ignore[arg-type]
    rules = {"enabled": True, "nopass": True, "keys": ["*"]}
    admin.acl_setuser("managed", **rules, categories=["+@all"], commands=["-config"])  # type: ignore[arg-type]
    first, second = ledger_of(redis, "managed:x@").risks()
    assert NO_FILE + "what was accepted since its last snapshot" in first
    assert "maxmemory-policy is allkeys-lfu" in second
    admin.acl_setuser("silent", **rules, categories=["+@all"], commands=["-config", "-info"])  # type: ignore[arg-type]
    assert ledger_of(redis, "silent:x@").risks() == []


def test_a_producer_warns_once_for_each_redis(start_redis: StartRedis, caplog: pytest.LogCaptureFixture) -> None:
    for redis in (start_redis(appendonly="no"), start_redis(appendonly="no")):
        for _ in range(2):
            with Producer(Settings(redis_url=redis.url)) as producer:  # type: ignore[arg-type]
                producer.add(Document("a", "a text"))
        assert caplog.text.count(f":{redis.port} {NO_FILE}") == 1
