"""Messages and payloads that a worker can't read are dead letters, and the worker goes on."""

from __future__ import annotations

import base64
import json
import pickle
import uuid
from typing import Any

from postings import Document, Settings
from postings_ingest import DeadLetters, Ledger, Producer
from postings_ingest.queue.celery_app import TASK, announce, celery_app, queue_name
from postings_ingest.queue.ledger import BULK, INTERACTIVE
from postings_ingest.queue.status import queue_status
from tests.support.queue_keys import QueueKeys
from tests.support.worker import StartWorker, until


def test_a_batch_of_a_newer_format_is_left_to_a_newer_worker(
    settings: Settings, ledger: Ledger, start_worker: StartWorker
) -> None:
    ledger.register("newer", '{"format": 2, "operations": []}', 3, "job", BULK)
    assert announce(celery_app(settings), settings, "newer", BULK)
    worker = start_worker()
    until(lambda: "left to a newer worker" in worker.log.read_text(), "nothing is said of it")
    assert worker.stop() == 0
    assert (queue_status(ledger).queued, len(DeadLetters(ledger))) == (3, 0)


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
    "5 MB": raw_message([["x" * 5_000_000], {}, {}]),
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


def test_payloads_that_cannot_be_read_are_dead_letters(
    settings: Settings, ledger: Ledger, start_worker: StartWorker
) -> None:
    payloads = {
        "isn't JSON": "not JSON",
        "format '9', expected 1": '{"format": "9", "operations": []}',
        "expected a payload": "[]",
    }
    app = celery_app(settings)
    for number, payload in enumerate(payloads.values()):
        ledger.register(f"bad{number}", payload, 1, "job", BULK)
        assert announce(app, settings, f"bad{number}", BULK)
    start_worker()
    until(lambda: len(DeadLetters(ledger)) == len(payloads), "a dead letter for each")
    reasons = {letter.reason for letter in DeadLetters(ledger).list()}
    found = {expected: sum(expected in reason for reason in reasons) for expected in payloads}
    assert found == dict.fromkeys(payloads, 1)
