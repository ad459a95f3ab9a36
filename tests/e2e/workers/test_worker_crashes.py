"""A worker crashes or hangs: its batch is delivered again, and a document that causes it twice is a dead letter."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

from postings import Document, Encoder, Settings
from postings_ingest import Counts, DeadLetters, Ledger, Producer
from postings_ingest.queue.status import queue_status
from tests.support.worker import StartWorker, indexed, until


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
    assert replace(producer.job.wait(60), unchanged=0) == Counts(submitted=300, indexed=300)
    worker.stop()
    assert len(indexed(settings, encoder)) == 300


def test_a_poison_document_ends_in_the_dead_letters_and_its_neighbors_in_the_index(
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
        if not worker.process.is_alive():
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
    assert replace(producer.job.wait(60), unchanged=0) == Counts(submitted=256, indexed=256)
    worker.stop()
    assert len(indexed(settings, encoder)) == 256


def test_a_document_that_hangs_its_worker_ends_in_the_dead_letters(
    settings: Settings, start_worker: StartWorker, faults: Path
) -> None:
    (faults / "hang").touch()
    settings = settings.model_copy(update={"batch_seconds": 3})
    settings.model_fields_set.add("batch_seconds")
    with Producer(settings) as producer:
        for number in range(3):
            producer.add(Document(str(number), "HANG" if number == 1 else f"document number {number}"))
    worker = start_worker(faults=faults, settings=settings)
    deaths = 0
    while not producer.job.progress().finished:
        if not worker.process.is_alive():
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
        while worker.process.is_alive():
            producer.add(Document(str(number), f"document number {number}"))
            producer.flush()
            number += 1
            assert number < 2000, "the worker lives on"
            threading.Event().wait(0.05)
    assert worker.process.exitcode == -signal.SIGKILL
    assert "a batch made no progress for" in worker.log.read_text()
    assert producer.job.progress().indexed > 1


def test_a_model_that_fails_on_any_text_is_no_documents_fault(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, faults: Path
) -> None:
    (faults / "broken").touch()
    with Producer(settings) as producer:
        for number in range(300):
            producer.add(Document(str(number), f"document number {number}"))
    worker = start_worker(faults=faults)
    assert worker.wait() == os.EX_TEMPFAIL
    assert "CUDA error: unspecified launch failure" in worker.log.read_text()
    assert producer.job.progress() == Counts(submitted=300)
    (faults / "broken").unlink()
    worker = start_worker(faults=faults)
    assert replace(producer.job.wait(60), unchanged=0) == Counts(submitted=300, indexed=300)
    worker.stop()
