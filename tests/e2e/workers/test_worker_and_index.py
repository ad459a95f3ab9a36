"""The index is away, or refuses documents: the worker waits, or the document that is refused is a dead letter."""

from __future__ import annotations

from pathlib import Path

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Counts, Ledger, Producer
from postings_ingest.queue.status import queue_status
from tests.support.queue_keys import QueueKeys
from tests.support.worker import StartWorker, until


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
    settings: Settings, keys: QueueKeys, start_worker: StartWorker, faults: Path
) -> None:
    """Its lease is renewed: it never expires, so that nobody else gets the batch."""
    settings = settings.model_copy(update={"visibility_timeout": 6})
    (faults / "index").touch()
    start_worker(faults=faults, settings=settings)
    with Producer(settings) as producer:
        producer.add(Document("a", "patience"))
    leased = f"{keys.prefix}:leased"
    until(lambda: keys.redis.zcard(leased) == 1, "no worker takes the batch")
    ((batch, expiry),) = keys.redis.zrange(leased, 0, -1, withscores=True)
    until(lambda: (keys.redis.zscore(leased, batch) or 0) > expiry, "the lease isn't renewed")
    assert keys.redis.hget(f"{keys.prefix}:batch:{batch}", "token") == "1", "it was taken once"
    (faults / "index").unlink()
    assert producer.job.wait(60) == Counts(submitted=1, indexed=1)


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
