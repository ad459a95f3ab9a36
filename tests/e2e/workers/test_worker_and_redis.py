"""Redis dies, or loses what workers have in flight: documents are indexed and counted once."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from postings import Document, Encoder, Settings
from postings.errors import QueueFull
from postings_ingest import Counts, Job, Ledger, Producer
from postings_ingest.queue.ledger import BULK
from postings_ingest.queue.messages import dump, pack, to_json
from postings_ingest.queue.status import queue_status
from tests.support.queue_keys import QueueKeys
from tests.support.redis_server import RedisServer, free_port
from tests.support.worker import StartWorker, Worker, indexed, until


def on(settings: Settings, redis: RedisServer) -> Settings:
    """The same queue on another Redis."""
    settings = settings.model_copy(update={"redis_url": type(settings.redis_url)(redis.url)})
    settings.model_fields_set.add("redis_url")
    return settings


def with_port(settings: Settings) -> tuple[Settings, int]:
    """The same with a port for probes."""
    port = free_port()
    settings = settings.model_copy(update={"worker_port": port})
    settings.model_fields_set.add("worker_port")
    return settings, port


def test_redis_may_be_killed_while_documents_are_queued_and_indexed(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, own_redis: RedisServer
) -> None:
    settings = on(settings, own_redis)
    worker = start_worker(settings=settings)
    with Producer(settings, linger=0.01) as producer:
        for number in range(600):
            producer.add(Document(str(number), f"document number {number}"))
            if number in (100, 400):
                producer.flush()
                own_redis.kill()
                thread = threading.Timer(0.5, own_redis.start)
                thread.start()
    assert replace(producer.job.wait(90), unchanged=0) == Counts(submitted=600, indexed=600)
    worker.stop()
    assert len(indexed(settings, encoder)) == 600


def test_a_worker_outlives_a_failover(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, own_redis: RedisServer
) -> None:
    settings = on(settings, own_redis)
    worker = start_worker(settings=settings)
    worker.wait_until_ready()
    with redis.Redis.from_url(own_redis.url) as admin:
        admin.replicaof("127.0.0.1", "1")
        try:
            until(lambda: re.search("READONLY|has become a replica", worker.log.read_text()) is not None, "no refusal")
        finally:
            admin.replicaof("NO", "ONE")
    with Producer(settings) as producer:
        producer.add(Document("a", "after the failover"))
    assert producer.job.wait(60) == Counts(submitted=1, indexed=1)
    assert worker.process.is_alive()
    worker.stop()
    assert indexed(settings, encoder) == {"a": "after the failover"}


def slow_batch(settings: Settings, worker: Worker) -> tuple[str, Job]:
    """A batch that the worker has in flight for some seconds."""
    worker.wait_until_ready()
    with Producer(settings) as producer:
        producer.add(Document("slow", "SLOW"))
    ledger = Ledger(settings)
    until(lambda: queue_status(ledger).in_flight == 1, "the document isn't in flight")
    keys = QueueKeys(settings)
    (id,) = keys.redis.zrange(f"{keys.prefix}:leased", 0, -1)
    return id, producer.job


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:  # 503
        return False


UNANNOUNCED = pack([dump(to_json(Document("unannounced", "its announcement was lost")))])


def test_a_worker_whose_batch_was_taken_while_redis_was_away_is_ready_again(
    settings: Settings,
    encoder: Encoder,
    start_worker: StartWorker,
    own_redis: RedisServer,
    faults: Path,
) -> None:
    settings, port = with_port(on(settings, own_redis))
    keys = QueueKeys(settings)
    worker = start_worker(settings=settings, faults=faults)
    id, job = slow_batch(settings, worker)
    ledger = Ledger(settings)
    other = None
    while other is None:  # the worker's heartbeat may renew its lease in between
        keys.redis.zadd(f"{keys.prefix}:leased", {id: 0})
        other = ledger.start(id, 600)
    own_redis.kill()
    until(lambda: "waiting to retry: " in worker.log.read_text(), "the worker doesn't notice")
    assert not ready(port)
    own_redis.start()
    until(lambda: ready(port), "the worker isn't ready again", 10)
    said = worker.log.read_text()
    assert "another worker took over the batch" in said
    assert "Redis lost the batch" not in said
    ledger.register("unannounced", UNANNOUNCED, 1, "another", BULK)
    ledger.release(other)
    assert job.wait(60) == Counts(submitted=1, indexed=1)
    assert Job(ledger, "another").wait(15) == Counts(submitted=1, indexed=1)
    worker.stop()
    assert indexed(settings, encoder).keys() == {"slow", "unannounced"}


def test_a_batch_in_flight_that_redis_lost_is_indexed_and_counted_all_the_same(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, forgetful_redis: RedisServer, faults: Path
) -> None:
    settings, port = with_port(on(settings, forgetful_redis))
    worker = start_worker(settings=settings, faults=faults)
    _, job = slow_batch(settings, worker)
    forgetful_redis.kill()
    until(lambda: "waiting to retry: " in worker.log.read_text(), "the worker doesn't notice")
    assert not ready(port)
    forgetful_redis.start()
    ledger = Ledger(settings)
    until(lambda: ready(port), "the worker isn't ready again", 10)
    ledger.register("unannounced", UNANNOUNCED, 1, "another", BULK)
    until(lambda: ledger.counts(job.id) is not None, "the job isn't known again")
    assert job.wait(60) == Counts(submitted=1, indexed=1)
    assert Job(ledger, "another").wait(15) == Counts(submitted=1, indexed=1)
    worker.stop()
    said = worker.log.read_text()
    assert "Redis lost the batch: its documents are indexed anyway" in said
    assert "another worker" not in said
    assert indexed(settings, encoder).keys() == {"slow", "unannounced"}


def test_a_batch_that_redis_evicted_has_failed_instead_of_being_waited_for(
    settings: Settings, ledger: Ledger, start_worker: StartWorker, faults: Path, keys: QueueKeys
) -> None:
    worker = start_worker(faults=faults)
    worker.wait_until_ready()
    ledger.register("unannounced", UNANNOUNCED, 1, "job", BULK)
    keys.redis.delete(f"{keys.prefix}:batch:unannounced")
    assert Job(ledger, "job").wait(60) == Counts(submitted=1, failed=1)
    assert "lost batches with 1 documents: they count as failed" in worker.log.read_text()


def test_a_queue_that_fills_redis_is_worked_off(
    settings: Settings, start_worker: StartWorker, limited_redis: RedisServer
) -> None:
    settings = on(settings, limited_redis)
    keys = QueueKeys(settings)
    with Producer(settings, when_full="raise") as producer:
        for number in range(2000):  # so large that what Redis needs for its clients counts for little
            producer.add(Document(str(number), f"document number {number}", metadata={"padding": "x" * 2000}))
        producer.flush()
        used = int(keys.redis.info("memory")["used_memory"])
        keys.redis.config_set("maxmemory", int(used / 0.85))
        producer.add(Document("one more", "too many"))
        with pytest.raises(QueueFull, match="documents are accepted up to 80 %"):
            producer.flush()
        start_worker(settings=settings)
        until(lambda: producer.job.progress().done >= 2000, "the queue isn't worked off")
        keys.redis.config_set("maxmemory", 2 * used)
    assert replace(producer.job.wait(60), unchanged=0) == Counts(submitted=2001, indexed=2001)
