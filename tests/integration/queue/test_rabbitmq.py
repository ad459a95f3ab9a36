"""RabbitMQ carries the announcements by its URL alone; the ledger stays in Redis."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import kombu
import pytest
from pydantic import SecretStr

from postings import Document, Settings
from postings_ingest import Counts, DeadLetters, Ledger, Producer
from postings_ingest.queue.celery_app import queue_name
from postings_ingest.queue.ledger import BULK, INTERACTIVE
from tests.support.worker import Worker, until

URL = os.environ.get("POSTINGS_TEST_RABBITMQ_URL", "")

pytestmark = pytest.mark.skipif(not URL, reason="no RabbitMQ: set POSTINGS_TEST_RABBITMQ_URL (amqp://…)")


@pytest.fixture
def by_rabbitmq(settings: Settings) -> Iterator[Settings]:
    found = settings.model_copy(update={"broker_url": SecretStr(URL)})
    found.model_fields_set.add("broker_url")
    yield found
    with kombu.Connection(URL) as connection:
        for queue in (INTERACTIVE, BULK):
            kombu.Queue(queue_name(found, queue), channel=connection.channel()).delete()


def test_a_killed_worker_and_bad_messages_lose_nothing(by_rabbitmq: Settings, ledger: Ledger, tmp_path: Path) -> None:
    worker = Worker(by_rabbitmq, tmp_path / "worker.log")
    try:
        worker.wait_until_ready()
        with Producer(by_rabbitmq) as producer:
            for number in range(1000):
                producer.add(Document(str(number), f"document number {number}"))
        until(lambda: producer.job.progress().done > 0, "nothing is indexed")
        worker.kill()
        worker = Worker(by_rabbitmq, tmp_path / "worker.log")
        assert producer.job.wait(60) == Counts(submitted=1000, indexed=1000)
        with kombu.Connection(URL) as connection:
            for body, kind in ((b"\xff", "application/json"), (b"\x80\x04", "application/x-python-serialize")):
                connection.Producer().publish(
                    body,
                    routing_key=queue_name(by_rabbitmq, INTERACTIVE),
                    content_type=kind,
                    content_encoding="utf-8",
                )
        until(lambda: len(DeadLetters(ledger)) == 2, "two dead letters")
        with Producer(by_rabbitmq) as producer:
            producer.add(Document("a", "the worker lives"))
        assert producer.job.wait(60) == Counts(submitted=1, indexed=1)
        assert worker.stop() == 0
    finally:
        worker.kill()
