"""Real workers on a real Redis: what is queued is indexed, whatever dies meanwhile."""

from __future__ import annotations

import base64
import json
import os
import pickle
import signal
import socket
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from postings import Document, Encoder, Settings, open_index
from postings.clock import arrival_version
from postings.errors import QueueFull
from postings.write_protocol import Revision, write
from postings_ingest import Counts, DeadLetters, Job, Ledger, Producer
from postings_ingest.queue.celery_app import TASK, celery_app, queue_name
from postings_ingest.queue.ledger import BULK, INTERACTIVE
from postings_ingest.queue.messages import dump, pack, to_json
from postings_ingest.queue.status import queue_status
from tests.support.queue_keys import QueueKeys
from tests.support.redis_server import RedisServer, free_port
from tests.support.worker import Worker, until

StartWorker = Callable[..., Worker]


@pytest.fixture
def start_worker(settings: Settings, ledger: Ledger, tmp_path: Path) -> Iterator[StartWorker]:
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
    folder = tmp_path / "faults"
    folder.mkdir()
    return folder


def indexed(settings: Settings, encoder: Encoder) -> dict[str, str]:
    """Text by id of all documents in the index; no worker may run."""
    with open_index(settings) as index:
        heads = index.scroll(fields=["doc_id", "text"])
        return {head.payload["doc_id"]: head.payload["text"] for head in heads if "text" in head.payload}


def test_revisions_without_versions_end_in_the_order_they_were_added(
    settings: Settings, encoder: Encoder, start_worker: StartWorker
) -> None:
    worker = start_worker()
    with Producer(settings) as producer:
        for revision in range(60):
            producer.add(Document("a", f"revision {revision} of a document"))
            producer.add(Document("b", f"revision {revision} of another document"))
            producer.delete("c") if revision % 2 else producer.add(Document("c", "comes and goes"))
    counts = producer.job.wait(60)
    assert counts.done == counts.submitted == 180
    worker.stop()
    assert indexed(settings, encoder) == {"a": "revision 59 of a document", "b": "revision 59 of another document"}


def test_a_killed_workers_batch_is_finished_by_the_next_and_counted_once(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, faults: Path
) -> None:
    (faults / "index").touch()
    worker = start_worker(faults=faults)
    worker.wait_until_ready()
    with Producer(settings) as producer:
        for number in range(300):
            producer.add(Document(str(number), f"document number {number}"))
    ledger = Ledger(settings)
    until(lambda: queue_status(ledger).in_flight > 0, "nothing is in flight")
    worker.kill()
    (faults / "index").unlink()
    worker = start_worker(faults=faults)
    assert producer.job.wait(60) == Counts(submitted=300, indexed=300)
    worker.stop()
    assert len(indexed(settings, encoder)) == 300


def test_redis_may_be_killed_while_documents_are_queued_and_indexed(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, own_redis: RedisServer
) -> None:
    settings = settings.model_copy(update={"redis_url": type(settings.redis_url)(own_redis.url)})
    settings.model_fields_set.add("redis_url")
    worker = start_worker(settings=settings)
    with Producer(settings, linger=0.01) as producer:
        for number in range(600):
            producer.add(Document(str(number), f"document number {number}"))
            if number in (100, 400):
                producer.flush()
                own_redis.kill()
                thread = threading.Timer(0.5, own_redis.start)
                thread.start()
    assert producer.job.wait(90) == Counts(submitted=600, indexed=600)
    worker.stop()
    assert len(indexed(settings, encoder)) == 600


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


def test_a_batch_in_hand_that_redis_lost_is_indexed_and_counted_all_the_same(
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


def test_an_index_that_is_away_is_waited_for(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, faults: Path
) -> None:
    (faults / "index").touch()
    worker = start_worker(faults=faults)
    with Producer(settings) as producer:
        producer.add(Document("a", "retrier"))
    ledger = Ledger(settings)
    until(lambda: any(each.trouble for each in queue_status(ledger).workers), "no worker says what it waits for")
    (told,) = queue_status(ledger).workers
    assert not told.ready
    assert told.trouble == "the index is away: a test took it"
    (faults / "index").unlink()
    assert producer.job.wait(60) == Counts(submitted=1, indexed=1)
    worker.stop()


def test_a_batch_that_takes_long_stays_with_its_worker(
    settings: Settings, start_worker: StartWorker, faults: Path
) -> None:
    """Its lease is renewed: it never expires, so that nobody else gets the batch."""
    settings = settings.model_copy(update={"visibility_timeout": 6})
    (faults / "index").touch()
    start_worker(faults=faults, settings=settings)
    with Producer(settings) as producer:
        producer.add(Document("a", "patience"))
    prefix, url = f"postings:{{{settings.collection}}}", settings.redis_url.get_secret_value()
    with redis.Redis.from_url(url, decode_responses=True) as ledger:
        until(lambda: ledger.zcard(f"{prefix}:leased") == 1, "no worker takes the batch")
        ((batch, expiry),) = ledger.zrange(f"{prefix}:leased", 0, -1, withscores=True)
        until(lambda: (ledger.zscore(f"{prefix}:leased", batch) or 0) > expiry, "the lease isn't renewed")
        assert ledger.hget(f"{prefix}:batch:{batch}", "token") == "1", "it was taken once"
    (faults / "index").unlink()
    assert producer.job.wait(60) == Counts(submitted=1, indexed=1)


def test_a_worker_that_is_asked_to_stop_gives_back_what_it_cannot_do(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, faults: Path
) -> None:
    (faults / "index").touch()
    worker = start_worker(faults=faults)
    with Producer(settings) as producer:
        producer.add(Document("a", "given back"))
    ledger = Ledger(settings)
    until(lambda: queue_status(ledger).in_flight == 1, "the document isn't in flight")
    assert worker.stop() == 0
    assert queue_status(ledger).queued == 1
    (faults / "index").unlink()
    worker = start_worker()
    assert producer.job.wait(60) == Counts(submitted=1, indexed=1)
    worker.stop()


def test_a_poison_document_ends_in_the_dead_letters_and_its_neighbours_in_the_index(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, faults: Path
) -> None:
    (faults / "poison").touch()
    with Producer(settings) as producer:
        for number in range(256):
            producer.add(Document(str(number), "POISON" if number == 77 else f"document number {number}"))
    ledger = Ledger(settings)
    deaths = 0
    worker = start_worker(faults=faults)
    while not producer.job.progress().finished:
        if worker.process.poll() is not None:
            deaths += 1
            assert deaths < 12
            worker = start_worker(faults=faults)
        threading.Event().wait(0.1)
    # A neighbor that was written just before the worker died is unchanged when it is delivered again.
    assert replace(producer.job.progress(), unchanged=0) == Counts(submitted=256, indexed=255, failed=1)
    (letter,) = producer.job.failures()
    assert (letter.document, letter.error) == ("77", "WorkerDied")
    assert "crashed or hung on both attempts" in letter.reason
    (faults / "poison").unlink()
    batch = DeadLetters(ledger).retry(letter.id)
    assert batch is not None  # nobody announced it: the idle worker finds it
    assert producer.job.wait(60) == Counts(submitted=256, indexed=256)
    worker.stop()
    assert len(indexed(settings, encoder)) == 256


def test_a_document_that_hangs_its_worker_ends_in_the_dead_letters(
    settings: Settings, start_worker: StartWorker, faults: Path
) -> None:
    (faults / "hang").touch()
    settings = settings.model_copy(update={"batch_seconds": 5})
    settings.model_fields_set.add("batch_seconds")
    with Producer(settings) as producer:
        for number in range(3):
            producer.add(Document(str(number), "HANG" if number == 1 else f"document number {number}"))
    worker = start_worker(faults=faults, settings=settings)
    deaths = 0
    while not producer.job.progress().finished:
        if worker.process.poll() is not None:
            deaths += 1
            assert deaths < 7
            worker = start_worker(faults=faults, settings=settings)
        threading.Event().wait(0.1)
    assert producer.job.progress() == Counts(submitted=3, indexed=2, failed=1)
    (letter,) = producer.job.failures()
    assert (letter.document, letter.error) == ("1", "WorkerDied")
    said = worker.log.read_text()
    assert "a batch made no progress for" in said
    assert "encode_documents" in said  # where it hung


def test_a_hanging_write_is_noticed_beside_a_thread_that_gets_on(
    settings: Settings, start_worker: StartWorker, faults: Path
) -> None:
    (faults / "stuck").touch()
    settings = settings.model_copy(update={"batch_seconds": 3})
    settings.model_fields_set.add("batch_seconds")
    worker = start_worker(faults=faults, settings=settings)
    with Producer(settings, linger=0.01) as producer:
        producer.add(Document("stuck", "STUCK"))
        producer.flush()
        number = 0
        while worker.process.poll() is None:
            producer.add(Document(str(number), f"document number {number}"))
            producer.flush()
            number += 1
            assert number < 2000, "the worker lives on"
            threading.Event().wait(0.05)
    assert worker.process.returncode == -signal.SIGKILL
    assert "a batch made no progress for" in worker.log.read_text()
    assert producer.job.progress().indexed > 1


def test_documents_that_are_each_refused_for_their_own_sake_end_in_the_dead_letters(
    settings: Settings, start_worker: StartWorker, faults: Path
) -> None:
    (faults / "refusing").touch()
    worker = start_worker(faults=faults)
    with Producer(settings) as producer:
        for number in range(20):
            producer.add(Document(str(number), f"REFUSED {number}"))
    assert producer.job.wait(60) == Counts(submitted=20, failed=20)
    assert {letter.error for letter in producer.job.failures()} == {"IndexRejected"}
    worker.stop()
    with open_index(settings) as index:
        assert list(index.scroll()) == []  # the probe is gone


def test_a_queue_that_fills_redis_is_worked_off(
    settings: Settings, start_worker: StartWorker, limited_redis: RedisServer
) -> None:
    settings = settings.model_copy(update={"redis_url": type(settings.redis_url)(limited_redis.url)})
    settings.model_fields_set.add("redis_url")
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
        until(lambda: producer.job.progress().done == 2000, "the queue isn't worked off")
        keys.redis.config_set("maxmemory", 2 * used)
    assert producer.job.wait(60) == Counts(submitted=2001, indexed=2001)


def test_a_model_that_fails_on_any_text_is_no_documents_fault(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, faults: Path
) -> None:
    (faults / "broken").touch()
    with Producer(settings) as producer:
        for number in range(300):
            producer.add(Document(str(number), f"document number {number}"))
    worker = start_worker(faults=faults)
    assert worker.process.wait(60) == os.EX_TEMPFAIL
    assert "CUDA error: unspecified launch failure" in worker.log.read_text()
    assert producer.job.progress() == Counts(submitted=300)
    (faults / "broken").unlink()
    worker = start_worker(faults=faults)
    assert producer.job.wait(60) == Counts(submitted=300, indexed=300)
    worker.stop()


def test_where_nothing_can_be_indexed_no_document_is_blamed(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, faults: Path
) -> None:
    (faults / "rejecting").touch()
    with Producer(settings) as producer:
        for number in range(40):
            producer.add(Document(str(number), f"document number {number}"))
    worker = start_worker(faults=faults)
    ledger = Ledger(settings)
    until(lambda: any(each.trouble for each in queue_status(ledger).workers), "no worker says what it waits for")
    (told,) = queue_status(ledger).workers
    assert told.trouble == "no document can be indexed: the index takes nothing: a test made it so"
    (faults / "rejecting").unlink()
    assert producer.job.wait(60) == Counts(submitted=40, indexed=40)
    worker.stop()


def test_a_batch_of_a_newer_format_is_left_to_a_newer_worker(
    settings: Settings, ledger: Ledger, start_worker: StartWorker
) -> None:
    ledger.register("newer", '{"format": 2, "operations": []}', 3, "job", BULK)
    worker = start_worker()
    until(lambda: "left to a newer worker" in worker.log.read_text(), "nothing is said of it")
    assert worker.stop() == 0
    assert (queue_status(ledger).queued, len(DeadLetters(ledger))) == (3, 0)


def test_a_worker_that_cannot_start_takes_no_batch(
    settings: Settings, ledger: Ledger, start_worker: StartWorker
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = settings.model_copy(update={"worker_port": port})
        settings.model_fields_set.add("worker_port")
        with Producer(settings) as producer:
            producer.add(Document("a", "waits"))
        worker = start_worker(settings=settings)
        assert worker.process.wait(60) == 1
    assert f"the worker can't start: 127.0.0.1:{port} can't be opened" in worker.log.read_text()
    assert producer.job.progress() == Counts(submitted=1)
    assert queue_status(ledger).queued == 1


def test_what_is_left_of_a_batch_after_its_time_is_put_back(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, faults: Path
) -> None:
    settings = settings.model_copy(update={"batch_seconds": 3})
    settings.model_fields_set.add("batch_seconds")
    with Producer(settings) as producer:  # one batch of two micro-batches of 500,000 characters, but few tokens
        for number in range(10):
            producer.add(Document(str(number), "SLOW " + "a" * 100_000))
    assert queue_status(Ledger(settings)).batches == {INTERACTIVE: 1, BULK: 0}
    worker = start_worker(faults=faults, settings=settings)
    assert producer.job.wait(60) == Counts(submitted=10, indexed=10)
    worker.stop()
    assert worker.log.read_text().count("5 documents in") == 2
    assert len(indexed(settings, encoder)) == 10


def test_a_worker_forgets_deletes_after_their_retention(
    settings: Settings, encoder: Encoder, start_worker: StartWorker
) -> None:
    day = 24 * 3600 * 1000
    with open_index(settings) as index:
        index.ensure(encoder.fingerprint, encoder.name)
        now = arrival_version()
        write(index, [Revision.deletion("long ago", 1, now - 8 * day), Revision.deletion("lately", 1, now - 6 * day)])
    worker = start_worker()
    with Producer(settings) as producer:
        producer.add(Document("a", "a first batch"))
    producer.job.wait(60)
    worker.stop()
    with open_index(settings) as index:
        assert {point.payload["doc_id"] for point in index.scroll()} == {"a", "lately"}


def test_interactive_batches_overtake_bulk(settings: Settings, start_worker: StartWorker, faults: Path) -> None:
    """A first batch of each may be on its way; in one queue for both, the interactive batch would be the last."""
    with Producer(settings) as bulk:
        for batch in range(10):
            for number in range(20):
                bulk.add(Document(f"{batch} {number}", "SLOW"))
            bulk.flush()
    with Producer(settings) as interactive:
        interactive.add(Document("now", "at once"))
    start_worker(faults=faults)
    assert interactive.job.wait(60) == Counts(submitted=1, indexed=1)
    assert bulk.job.progress().done <= 100


def raw_message(body: Any, *, task: str | None = TASK, content_type: str = "application/json") -> dict[str, Any]:
    """As kombu lays it into a list of Redis."""
    return {
        "body": base64.b64encode(body if isinstance(body, bytes) else json.dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": content_type,
        "headers": {"task": task, "id": "1", "lang": "py", "root_id": "1"} if task else {},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": uuid.uuid4().hex,
            "delivery_info": {"exchange": "", "routing_key": "x"},
            "priority": 0,
        },
    }


BAD = {
    "arguments of another kind": raw_message([[{"documents": []}], {}, {}]),
    "keywords": raw_message([["a"], {"b": 1}, {}]),
    "no arguments": raw_message([[], {}, {}]),
    "a body that isn't JSON": raw_message(b"\xff not json"),
    "a body of another shape": raw_message({"id": "1"}),
    "another task": raw_message([["a"], {}, {}], task="somebody.elses"),
    "no task": raw_message([["a"], {}, {}], task=None),
    "pickle": raw_message(pickle.dumps([["a"], {}, {}]), content_type="application/x-python-serialize"),
    "50 MB": raw_message([["x" * 50_000_000], {}, {}]),
    "JSON, but no message": {"documents": []},
    "a number": 7,
    "half a surrogate pair": raw_message([["a"], {}, {}], task="\ud800"),
    "no delivery tag": {"body": "", "headers": {}, "properties": {}},
    "a body that isn't base64": raw_message([["a"], {}, {}]) | {"body": "x"},
    "a type that kombu doesn't know": raw_message([["a"], {}, {}]) | {"x": {"__type__": "y", "__value__": "z"}},
    "a date that is none": raw_message([["a"], {}, {}]) | {"x": {"__type__": "date", "__value__": "z"}},
    "no route": raw_message([["a"], {}, {}])
    | {"properties": {"delivery_tag": "t", "delivery_info": {"exchange": [], "routing_key": 1}}},
    "an encoding of its own": raw_message([["a"], {}, {}])
    | {
        "properties": {
            "delivery_tag": "t",
            "delivery_info": {"exchange": "", "routing_key": "x"},
            "body_encoding": "rot13",
        }
    },
}


def test_bad_messages_end_in_the_dead_letters_and_the_worker_goes_on(
    settings: Settings, ledger: Ledger, start_worker: StartWorker, keys: QueueKeys
) -> None:
    app = celery_app(settings)
    prefix = app.conf.broker_transport_options["global_keyprefix"]
    worker = start_worker()
    worker.wait_until_ready()
    for message in BAD.values():
        keys.redis.lpush(prefix + queue_name(settings, INTERACTIVE), json.dumps(message))
    keys.redis.lpush(prefix + queue_name(settings, INTERACTIVE), b"\xff\xfe not JSON at all")
    letters = DeadLetters(ledger)
    until(lambda: len(letters) == len(BAD) + 1, f"{len(BAD) + 1} dead letters")
    assert all(each.reason and each.error == "InvalidMessage" for each in letters.list())
    assert max(len(json.dumps(each.operation)) for each in letters.list()) < 200_000
    with Producer(settings) as producer:
        producer.add(Document("a", "the worker lives"))
    assert producer.job.wait(60).indexed == 1
    assert worker.stop() == 0


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("not JSON", "isn't JSON"),
        ('{"format": "9", "operations": []}', "format '9', expected 1"),
        ("[]", "expected a payload"),
    ],
)
def test_a_payload_that_cannot_be_read_is_a_dead_letter(
    settings: Settings, ledger: Ledger, start_worker: StartWorker, payload: str, reason: str
) -> None:
    ledger.register("bad", payload, 1, "job", BULK)
    start_worker()
    until(lambda: len(DeadLetters(ledger)) == 1, "a dead letter")
    (letter,) = DeadLetters(ledger).list()
    assert reason in letter.reason
