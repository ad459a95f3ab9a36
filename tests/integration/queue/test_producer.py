"""What a service that queues documents may rely on; no worker is needed for it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr

from postings import Document, Settings
from postings.errors import (
    BrokerUnavailable,
    ConfigurationError,
    InvalidDocument,
    InvalidInput,
    JobNotFound,
    JobUnfinished,
    QueueFull,
)
from postings_ingest import AsyncProducer, Counts, Job, Ledger, Producer
from postings_ingest.queue.ledger import BULK
from postings_ingest.queue.messages import unpack
from postings_ingest.queue.status import queue_status
from postings_ingest.worker.metrics import QueueMetrics
from tests.support.queue_keys import QueueKeys
from tests.support.redis_server import RedisServer, free_port
from tests.support.worker import until


def texts_of(keys: QueueKeys) -> list[list[str]]:
    """Ids by batch, in no order."""
    batches = list(keys.redis.scan_iter(f"{keys.prefix}:batch:*"))
    return [[operation.id for operation in unpack(keys.redis.hget(key, "payload"))] for key in batches]


def documents(number: int) -> Iterator[Document]:
    return (Document(str(each), f"document number {each}") for each in range(number))


def test_what_is_added_goes_out_in_batches_of_256(settings: Settings, ledger: Ledger, keys: QueueKeys) -> None:
    with Producer(settings, linger=600) as producer:
        for document in documents(600):
            producer.add(document)
        assert producer.unsent == 600 - 512
        producer.flush()
        assert producer.unsent == 0
    assert sorted(map(len, texts_of(keys))) == [88, 256, 256]
    assert producer.job.progress() == Counts(submitted=600)


def test_batches_hold_at_most_a_mebibyte_but_for_one_document_alone(
    settings: Settings, ledger: Ledger, keys: QueueKeys
) -> None:
    with Producer(settings, linger=600) as producer:
        for number, length in enumerate([400_000, 400_000, 400_000, 3_000_000, 10]):
            producer.add(Document(str(number), "a" * length))
    assert sorted(texts_of(keys)) == [["0", "1"], ["2"], ["3"], ["4"]]


def test_a_batch_holds_one_operation_on_a_document(settings: Settings, ledger: Ledger, keys: QueueKeys) -> None:
    with Producer(settings, linger=600) as producer:
        producer.add(Document("a", "first"))
        producer.add(Document("b", "other"))
        producer.delete("a")
    assert sorted(texts_of(keys)) == [["a"], ["a", "b"]]


def test_what_has_waited_for_company_goes_out_alone(settings: Settings, ledger: Ledger) -> None:
    producer = Producer(settings, linger=0.01)
    producer.add(Document("a", "alone"))
    until(lambda: queue_status(ledger).queued == 1, "nothing was sent")
    producer.close()


def test_a_full_queue_refuses_and_nothing_is_lost(settings: Settings, ledger: Ledger, keys: QueueKeys) -> None:
    settings = settings.model_copy(update={"queue_limit": 300})
    producer = Producer(settings, linger=600, when_full="raise")
    refused = None
    for document in documents(600):
        try:
            producer.add(document)
        except QueueFull as error:
            refused = (document.id, str(error))
            break
    assert refused is not None
    assert refused[0] == "512"
    assert "the queue holds 256 documents, and 256 more would exceed the limit of 300" in refused[1]
    with pytest.raises(QueueFull):
        producer.flush()
    assert producer.unsent == 256
    keys.redis.hset(f"{keys.prefix}:counts", "waiting", 0)  # as if workers had done the first batch
    assert producer.flush().progress() == Counts(submitted=512)
    producer.close()


def test_what_was_added_before_an_error_goes_out_later_all_the_same(settings: Settings, keys: QueueKeys) -> None:
    settings = settings.model_copy(update={"queue_limit": 300})
    producer = Producer(settings, linger=5, when_full="raise")
    refused = False
    for document in documents(600):
        try:
            producer.add(document)
        except QueueFull:
            refused = True
            break
    assert refused
    assert producer.unsent
    keys.redis.hset(f"{keys.prefix}:counts", "waiting", 0)  # as if workers had done the first batch
    until(lambda: not producer.unsent, "what was added stays in memory")
    producer.close()


def test_a_full_queue_is_waited_for(settings: Settings, ledger: Ledger, keys: QueueKeys) -> None:
    settings = settings.model_copy(update={"queue_limit": 300})
    producer = Producer(settings, linger=600)
    thread = threading.Thread(target=lambda: [producer.add(document) for document in documents(600)])
    thread.start()
    until(lambda: queue_status(ledger).queued == 256, "the first batch wasn't sent")
    assert thread.is_alive()
    keys.redis.hset(f"{keys.prefix}:counts", "waiting", 0)
    thread.join(60)
    assert not thread.is_alive()
    keys.redis.hset(f"{keys.prefix}:counts", "waiting", 0)
    producer.close()
    assert producer.job.progress() == Counts(submitted=600)


def test_many_threads_share_a_producer(settings: Settings, ledger: Ledger, keys: QueueKeys) -> None:
    with Producer(settings, linger=0.001) as producer:
        threads = [
            threading.Thread(
                target=lambda start=start: [producer.add(Document(f"{start}-{n}", "a")) for n in range(300)]
            )
            for start in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert producer.job.progress().submitted == 1200
    assert sum(map(len, texts_of(keys))) == 1200


def test_asyncio_may_queue_without_blocking_its_loop(settings: Settings, ledger: Ledger) -> None:
    async def queue() -> Counts:
        async with AsyncProducer(settings) as producer:
            await asyncio.gather(*(producer.add(document) for document in documents(300)))
            await producer.delete("gone")
            job = await producer.flush()
        return await asyncio.to_thread(job.progress)

    assert asyncio.run(queue()) == Counts(submitted=301)


def test_wrong_use_is_said_at_once(settings: Settings) -> None:
    with Producer(settings) as producer:
        with pytest.raises(InvalidDocument, match="takes a Document, got str"):
            producer.add("a text")  # type: ignore[arg-type]
        with pytest.raises(InvalidDocument, match="version"):
            producer.delete("a", version=-1)
        with pytest.raises(JobNotFound):
            producer.job.wait()
    with pytest.raises(InvalidInput, match="the producer was closed"):
        producer.add(Document("a", "too late"))

    async def too_late() -> None:
        async with AsyncProducer(settings) as closed:
            pass
        await closed.delete("a")

    with pytest.raises(InvalidInput, match="the producer was closed"):
        asyncio.run(too_late())


def test_redis_that_never_answers_is_given_up_and_the_documents_are_kept(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": type(settings.redis_url)(f"redis://127.0.0.1:{free_port()}")})
    producer = Producer(away, timeout=0.2)
    producer.add(Document("a", "kept"))
    with pytest.raises(BrokerUnavailable, match=r"Redis at 127\.0\.0\.1"):
        producer.flush()
    assert producer.unsent == 1
    with pytest.raises(BrokerUnavailable):
        producer.close()


def test_a_producer_does_not_go_on_in_a_forked_process(settings: Settings, ledger: Ledger) -> None:
    producer = Producer(settings, linger=600)
    producer.add(Document("a", "in the parent"))
    child = os.fork()
    if not child:
        try:
            producer.add(Document("b", "in the child"))
        except RuntimeError as error:
            told = "make one in each process" in str(error)
            producer.close()  # sends nothing that is the parent's to send
            os._exit(7 if told and not ledger.counts(producer.job.id) else 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    producer.close()
    assert producer.job.progress() == Counts(submitted=1)


def test_an_interrupted_producer_does_not_wait_for_room(settings: Settings, ledger: Ledger) -> None:
    settings = settings.model_copy(update={"queue_limit": 256})
    producer = Producer(settings, linger=600)
    for document in documents(256):
        producer.add(document)
    producer.flush()
    producer.add(Document("one more", "that finds no room"))
    with pytest.raises(KeyboardInterrupt), producer:
        raise KeyboardInterrupt
    assert producer.unsent == 1
    assert producer.job.progress() == Counts(submitted=256)


def test_a_redis_that_restarts_is_waited_for_and_said_once(
    settings: Settings, own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings.model_copy(update={"redis_url": type(settings.redis_url)(own_redis.url)})
    ledger = Ledger(settings)
    ledger.register("a", "payload", 2, "job", BULK)
    seen: list[Counts] = []
    thread = threading.Thread(target=lambda: seen.extend(Job(ledger, "job").watch()))
    thread.start()
    until(lambda: len(seen) == 1, "the job isn't watched")
    own_redis.kill()
    until(lambda: "waiting for job job: " in caplog.text, "nothing is said")
    with pytest.raises(JobUnfinished, match=r"job job: documents are unfinished after 0\.5 s") as raised:
        Job(ledger, "job").wait(0.5)
    assert isinstance(raised.value, TimeoutError)
    own_redis.start()
    lease = ledger.start("a", 10)
    assert lease is not None
    ledger.finish(lease, Counts(indexed=2))
    thread.join(60)
    assert seen[-1] == Counts(submitted=2, indexed=2)
    said = [entry.getMessage() for entry in caplog.records if entry.threadName == thread.name]
    assert [line[:19] for line in said] == ["waiting for job job", "Redis answers again"]


def test_an_error_after_documents_were_accepted_names_their_job(settings: Settings, ledger: Ledger) -> None:
    settings = settings.model_copy(update={"queue_limit": 300})
    producer = Producer(settings, linger=600, when_full="raise")
    for document in documents(256):
        producer.add(document)
    producer.flush()
    for document in documents(256):
        producer.add(document)
    for send in (producer.flush, producer.close):
        with pytest.raises(QueueFull, match=f"; 256 documents and deletes were accepted, as job {producer.job.id}"):
            send()


def test_a_password_that_is_changed_after_documents_were_accepted_leaves_an_error_that_names_the_job(
    settings: Settings, redis_binary: str, tmp_path: Path
) -> None:
    (folder := tmp_path / "redis").mkdir()
    server = RedisServer(folder, redis_binary)
    server.start()
    try:
        settings = settings.model_copy(update={"redis_url": SecretStr(server.url)})
        producer = Producer(settings, linger=600)
        producer.add(Document("a", "text"))
        job = producer.flush()
        with redis.Redis.from_url(server.url) as admin:
            admin.config_set("requirepass", "new")
            admin.client_kill_filter(_type="normal", skipme=True)
        (family,) = QueueMetrics(Ledger(settings)).collect()
        assert (family.name, [each.value for each in family.samples]) == ("postings_redis_up", [0])
        producer.add(Document("b", "text"))
        for send in (producer.flush, producer.close):
            with pytest.raises(ConfigurationError, match=f"1 documents and deletes were accepted, as job {job.id}"):
                send()
        with pytest.raises(ConfigurationError, match=f"job {job.id}"):
            job.wait(60)
    finally:
        server.kill()


def test_a_producer_goes_on_after_what_had_lingered_was_sent_late(settings: Settings, ledger: Ledger) -> None:
    settings = settings.model_copy(update={"queue_limit": 1})
    ledger.register("before", "payload", 1, "job", BULK)
    producer = Producer(settings, linger=0.01, when_full="raise")
    producer.add(Document("a", "refused at first"))
    until(lambda: producer._due is not None and producer._sending is not None, "nothing was refused")
    lease = ledger.start("before", 10)
    assert lease is not None
    ledger.finish(lease, Counts(indexed=1))
    until(lambda: queue_status(ledger).queued == 1, "nothing was sent")
    flushing = threading.Thread(target=producer.flush, daemon=True)
    flushing.start()
    flushing.join(30)
    assert not flushing.is_alive()
    producer.close()
