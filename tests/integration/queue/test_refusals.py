"""What Redis refuses for good is told at once, with what is missing, by the producer, the status and the worker."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from postings import Document, Settings
from postings.errors import BrokerUnavailable, ConfigurationError
from postings_ingest import DeadLetters, Ledger, Producer
from postings_ingest.queue.celery_app import announce, celery_app
from postings_ingest.queue.ledger import BULK
from postings_ingest.queue.refusals import refusal
from postings_ingest.queue.status import queue_status
from tests.integration.queue.test_connection import on, tls_redis
from tests.support.redis_server import RedisServer, free_port
from tests.support.tcp_proxy import TcpProxy
from tests.support.worker import Worker, until

__all__ = ["tls_redis"]


def refused_everywhere(settings: Settings, expected: str) -> None:
    """Producer and status say it at their first word, and so does the broker's connection."""
    producer = Producer(settings, linger=600, timeout=3)
    producer.add(Document("a", "text"))
    with pytest.raises(ConfigurationError, match=expected):
        producer.flush()
    assert producer.unsent == 1
    producer.__exit__(KeyError, KeyError(), None)
    with pytest.raises(ConfigurationError, match=expected):
        queue_status(Ledger(settings))
    with pytest.raises(ConfigurationError, match=expected.replace("^Redis at", "^the broker")):
        announce(celery_app(settings), settings, "a", BULK)


def ended_worker(settings: Settings, log: Path) -> str:
    """What a worker said that ended by itself."""
    worker = Worker(settings, log)
    try:
        assert worker.wait() == 1
    finally:
        worker.kill()
    return log.read_text()


def with_user(server: RedisServer, *, keys: list[str], categories: list[str]) -> str:
    """The address of a user who may do so much."""
    with redis.Redis.from_url(server.url) as admin:
        admin.acl_setuser(
            "clerk", enabled=True, passwords=["+pw"], categories=categories, keys=keys, channels=["*"], reset=True
        )
    return server.url.replace("redis://", "redis://clerk:pw@")


def test_a_database_that_there_is_not(settings: Settings, own_redis: RedisServer, tmp_path: Path) -> None:
    settings = on(settings, redis_url=own_redis.url.removesuffix("/0") + "/99")
    expected = r"^Redis at .* doesn't have the database in POSTINGS_REDIS_URL: .*DB index is out of range"
    refused_everywhere(settings, expected)
    assert "the worker can't start: Redis at" in ended_worker(settings, tmp_path / "worker.log")


def test_a_wrong_password(settings: Settings, own_redis: RedisServer) -> None:
    with_user(own_redis, keys=["*"], categories=["+@all"])
    settings = on(settings, redis_url=own_redis.url.replace("redis://", "redis://clerk:wrong@"))
    refused_everywhere(settings, "^Redis at .* refuses the user or password in POSTINGS_REDIS_URL")


@pytest.mark.parametrize(
    ("keys", "categories"), [(["other:*"], ["+@all"]), (["*"], ["+@read", "+@connection"])], ids=["keys", "commands"]
)
def test_a_user_who_may_not_do_enough(
    settings: Settings, own_redis: RedisServer, tmp_path: Path, keys: list[str], categories: list[str]
) -> None:
    settings = on(settings, redis_url=with_user(own_redis, keys=keys, categories=categories))
    producer = Producer(settings, linger=600, timeout=3)
    producer.add(Document("a", "text"))
    expected = "doesn't give the user in POSTINGS_REDIS_URL the permissions that are needed: .* allow the keys"
    with pytest.raises(ConfigurationError, match=expected):
        producer.flush()
    producer.__exit__(KeyError, KeyError(), None)
    assert "the worker can't start: Redis at" in ended_worker(settings, tmp_path / "worker.log")


def test_a_user_who_may_not_read_dead_letters_is_not_told_that_there_is_none(
    settings: Settings, own_redis: RedisServer
) -> None:
    letters = DeadLetters(Ledger(on(settings, redis_url=own_redis.url)))
    letters.add({"delete": {"id": "x", "version": 1}}, "Error", "reason")
    (found,) = letters.list()
    clerk = with_user(own_redis, keys=["*"], categories=["+@all", "-@read"])
    with pytest.raises(ConfigurationError, match="doesn't give the user in POSTINGS_REDIS_URL the permissions"):
        DeadLetters(Ledger(on(settings, redis_url=clerk))).retry(found.id)


def test_a_user_with_what_the_message_asks_for_is_enough(
    settings: Settings, own_redis: RedisServer, tmp_path: Path
) -> None:
    settings = on(settings, redis_url=with_user(own_redis, keys=["postings:*"], categories=["+@all", "-@admin"]))
    worker = Worker(settings, tmp_path / "worker.log")
    try:
        with Producer(settings) as producer:
            producer.add(Document("a", "text"))
        assert producer.job.wait(60).indexed == 1
        assert worker.stop() == 0
        assert "NOPERM" not in worker.log.read_text()
        assert "permission" not in worker.log.read_text()
    finally:
        worker.kill()


def test_a_broker_that_refuses_the_password_is_told_before_anything_is_queued(
    settings: Settings, ledger: Ledger, own_redis: RedisServer
) -> None:
    with_user(own_redis, keys=["*"], categories=["+@all"])
    settings = on(settings, broker_url=own_redis.url.replace("redis://", "redis://clerk:wrong@"))
    producer = Producer(settings, linger=600)
    producer.add(Document("a", "text"))
    with pytest.raises(
        ConfigurationError, match=r"^the broker redis://.* refuses the user or password in POSTINGS_BROKE"
    ):
        producer.flush()
    assert producer.unsent == 1
    assert queue_status(ledger).queued == 0
    producer.__exit__(KeyError, KeyError(), None)


def test_a_broker_of_its_own_is_told_by_its_own_setting(
    settings: Settings, ledger: Ledger, own_redis: RedisServer, tmp_path: Path
) -> None:
    settings = on(settings, broker_url=with_user(own_redis, keys=["other:*"], categories=["+@all"]))
    producer = Producer(settings, linger=600)
    producer.add(Document("a", "text"))
    expected = "^the broker redis://.* doesn't give the user in POSTINGS_BROKER_URL .* 1 documents and deletes were"
    with pytest.raises(ConfigurationError, match=expected):
        producer.close()
    assert "the worker can't go on: the broker redis://" in ended_worker(settings, tmp_path / "worker.log")


def test_tls_on_one_side_only(settings: Settings, own_redis: RedisServer, tls_redis: tuple[RedisServer, Path]) -> None:
    encrypted = on(settings, redis_url=own_redis.url.replace("redis://", "rediss://"))
    with pytest.raises(ConfigurationError, match=r"^Redis at .* doesn't speak TLS: write redis://"):
        queue_status(Ledger(encrypted))
    plain = on(settings, redis_url=f"redis://localhost:{tls_redis[0].port}/0")
    refused_everywhere(plain, "^Redis at .* speaks TLS: write rediss://")


def test_what_is_no_redis() -> None:
    said = redis.exceptions.InvalidResponse("Protocol Error: b'HTTP/1.1 400 Bad Request'")
    found = refusal(said, "Redis at h:80", "POSTINGS_REDIS_URL")
    assert str(found).startswith("Redis at h:80 isn't Redis; check the port in POSTINGS_REDIS_URL")


@pytest.fixture
def cluster(redis_binary: str, tmp_path: Path) -> Iterator[tuple[RedisServer, RedisServer]]:
    """Two nodes; all keys are the second's."""
    nodes = []
    for name in ("first", "second"):
        (folder := tmp_path / name).mkdir()
        options = {
            "cluster-enabled": "yes",
            "cluster-config-file": str(folder / "nodes.conf"),
            "cluster-port": str(free_port()),  # by default 10,000 above the other, and too high for many
        }
        nodes.append(RedisServer(folder, redis_binary, **options))
        nodes[-1].start()
    yield nodes[0], nodes[1]
    for node in nodes:
        node.kill()


def test_a_cluster(settings: Settings, cluster: tuple[RedisServer, RedisServer]) -> None:
    first, second = cluster
    settings = on(settings, redis_url=first.url)
    expected = "is a node of a cluster and doesn't hold all keys .* a Redis that isn't in cluster mode"
    with pytest.raises(ConfigurationError, match=expected):
        queue_status(Ledger(settings))
    with redis.Redis.from_url(first.url) as one, redis.Redis.from_url(second.url) as other:
        other.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        one.execute_command("CLUSTER", "MEET", "127.0.0.1", second.port, _bus_port(other))
        until(lambda: _state(one) == "ok", "the nodes don't form a cluster")
    refused_everywhere(settings, expected)


def _bus_port(node: redis.Redis) -> int:
    return int(node.config_get("cluster-port")["cluster-port"])


def _state(node: redis.Redis) -> str:
    found = dict(line.split(":") for line in bytes(node.execute_command("CLUSTER", "INFO")).decode().split())
    return found["cluster_state"]


def test_a_replica(settings: Settings, own_redis: RedisServer) -> None:
    settings = on(settings, redis_url=own_redis.url)
    producer = Producer(settings, linger=600, timeout=60)
    producer.add(Document("a", "text"))
    with redis.Redis.from_url(own_redis.url) as admin:
        admin.replicaof("127.0.0.1", "1")
        try:
            with pytest.raises(ConfigurationError, match=r"^Redis at .* is a replica: set POSTINGS_REDIS_URL to"):
                producer.flush()
            own = on(settings, redis_url=own_redis.url, broker_url=own_redis.url)
            with pytest.raises(
                ConfigurationError, match=r"^the broker .* is a replica: set POSTINGS_BROKER_URL to the primary"
            ):
                announce(celery_app(own), own, "a", BULK)
        finally:
            admin.replicaof("NO", "ONE")
    producer.close()
    assert producer.job.progress().submitted == 1


def test_a_primary_that_becomes_a_replica_for_a_while_is_waited_for(
    settings: Settings, own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    settings = on(settings, redis_url=own_redis.url)
    producer = Producer(settings, linger=None, timeout=60)
    producer.add(Document("a", "text"))
    producer.flush()
    with redis.Redis.from_url(own_redis.url) as admin, ThreadPoolExecutor(1) as thread:
        admin.replicaof("127.0.0.1", "1")
        try:
            producer.add(Document("b", "text"))
            sending = thread.submit(producer.flush)
            until(lambda: "has become a replica" in caplog.text, "the producer isn't refused")
        finally:
            admin.replicaof("NO", "ONE")
        sending.result(60)
    producer.close()
    assert producer.job.progress().submitted == 2


def test_after_a_failover_the_same_name_leads_to_the_new_primary(
    settings: Settings, own_redis: RedisServer, redis_binary: str, tmp_path: Path
) -> None:
    (folder := tmp_path / "other").mkdir()
    other = RedisServer(folder, redis_binary)
    other.start()
    try:
        with TcpProxy(own_redis.port) as proxy, redis.Redis.from_url(own_redis.url) as admin:
            ledger = Ledger(on(settings, redis_url=f"redis://127.0.0.1:{proxy.port}/0"))
            ledger.audit()
            admin.replicaof("127.0.0.1", "1")
            proxy.lead_to(other.port)
            with pytest.raises(BrokerUnavailable, match="has become a replica"):
                ledger.audit()
            ledger.audit()
    finally:
        with redis.Redis.from_url(own_redis.url) as admin:
            admin.replicaof("NO", "ONE")
        other.kill()


def test_a_redis_in_protected_mode(settings: Settings, redis_binary: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but the local one")
        address = probe.getsockname()[0]
    (folder := tmp_path / "redis").mkdir()
    server = RedisServer(folder, redis_binary, **{"bind": "0.0.0.0", "protected-mode": "yes"})
    server.start()
    try:
        settings = on(settings, redis_url=server.url.replace("127.0.0.1", address))
        refused_everywhere(settings, "^Redis at .* accepts only local clients: give it a password, or bind it to an")
    finally:
        server.kill()


def test_valkey_in_protected_mode() -> None:
    said = redis.exceptions.ResponseError("DENIED Running in protected mode because protected mode is enabled")
    assert "accepts only local clients" in str(refusal(said, "Redis at h", "POSTINGS_REDIS_URL"))


def test_what_may_pass_is_waited_for(settings: Settings, own_redis: RedisServer) -> None:
    with redis.Redis.from_url(own_redis.url) as admin:
        admin.config_set("min-replicas-to-write", 1)
        try:
            with pytest.raises(BrokerUnavailable, match="Not enough good replicas"):
                Ledger(on(settings, redis_url=own_redis.url)).register("a", "payload", 1, "job", BULK)
        finally:
            admin.config_set("min-replicas-to-write", 0)
