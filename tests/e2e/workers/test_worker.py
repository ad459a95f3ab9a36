"""Real workers on a real Redis: the order of what they index, and how they start and stop."""

from __future__ import annotations

import socket
from pathlib import Path

from postings import Document, Encoder, Settings, open_index
from postings.clock import arrival_version
from postings.write_protocol import Revision, write
from postings_ingest import Counts, Ledger, Producer
from postings_ingest.queue.ledger import BULK, INTERACTIVE, REINDEX
from postings_ingest.queue.status import queue_status
from tests.support.worker import StartWorker, indexed, until


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
        assert worker.wait() == 1
    assert f"the worker can't start: 127.0.0.1:{port} can't be opened" in worker.log.read_text()
    assert producer.job.progress() == Counts(submitted=1)
    assert queue_status(ledger).queued == 1


def test_what_is_left_of_a_batch_after_its_time_is_put_back(
    settings: Settings, encoder: Encoder, start_worker: StartWorker, faults: Path
) -> None:
    settings = settings.model_copy(update={"batch_seconds": 3, "visibility_timeout": 60})
    settings.model_fields_set.add("batch_seconds")
    with Producer(settings) as producer:  # one batch of two micro-batches of 500,000 characters, but few tokens
        for number in range(10):
            producer.add(Document(str(number), "SLOW " + "a" * 100_000))
    assert queue_status(Ledger(settings)).batches == {INTERACTIVE: 1, BULK: 0, REINDEX: 0}
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
