"""A slice in the hands of one worker: its model may be dropped meanwhile, and its rate holds from lease to lease."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from qdrant_client import AsyncQdrantClient

from postings import Document, EdgeIndex, Encoder, Index, Settings
from postings.errors import InvalidInput, InvalidMessage
from postings.index import Filter, Point
from postings.index.payload import without_vector
from postings.index.server import ServerIndex
from postings_cli.commands.queued_reindex import queue_reindex
from postings_ingest import DeadLetters, Ledger, Pipeline
from postings_ingest.id_range import IdRange
from postings_ingest.indexing import Indexer
from postings_ingest.queue.ledger import BULK, REINDEX
from postings_ingest.queue.slices import Slice, queue_slices
from postings_ingest.reindexing import reindex
from postings_ingest.worker.retrying import Retrier
from postings_ingest.worker.slice_run import SliceRun
from tests.support.models import quiet_tiny
from tests.support.redis_server import RedisServer

DOCUMENTS = 5


class DroppedMeanwhile(EdgeIndex):
    """An index whose new model is dropped just before its first vectors are written."""

    def update_vectors(self, points: Sequence[Point], condition: Filter) -> None:
        for fingerprint in self.models().others:
            self.drop_model(fingerprint)
        super().update_vectors(points, condition)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(quiet_tiny(tmp_path_factory.mktemp("model")), "cpu", "torch")


@pytest.fixture(params=[EdgeIndex])
def index(request: pytest.FixtureRequest, tmp_path: Path, encoder: Encoder, new: Encoder) -> Iterator[EdgeIndex]:
    with request.param(tmp_path / "index") as index:
        fill(index, encoder)
        index.add_model(new.fingerprint, new.location)
        yield index


def fill(index: Index, encoder: Encoder) -> None:
    documents = [Document(str(number), f"document number {number}") for number in range(DOCUMENTS)]
    Pipeline(encoder, index).run(documents)


def run(ledger: Ledger, index: Index, encoder: Encoder, seconds: float = 600, id: str = "slice") -> None:
    leased(ledger, index, encoder, Retrier(threading.Event()), seconds, id).run()


def leased(
    ledger: Ledger, index: Index, encoder: Encoder, retrier: Retrier, seconds: float = 600, id: str = "slice"
) -> SliceRun:
    lease = ledger.start(id, 10)
    assert lease is not None
    assert ledger.begin(lease)
    indexer = Indexer(encoder, index, Settings(backend="torch"))
    return SliceRun(lease, indexer, ledger, lambda *_: None, retrier, seconds)


def register(ledger: Ledger, new: Encoder, rate: float | None = None) -> None:
    ledger.register("slice", Slice(new.fingerprint, IdRange(), rate).pack(), 1, "job", REINDEX)


@pytest.mark.parametrize("index", [DroppedMeanwhile], indirect=True)
def test_a_slice_ends_if_its_model_is_dropped_while_it_is_encoded(
    ledger: Ledger, index: EdgeIndex, encoder: Encoder, new: Encoder
) -> None:
    register(ledger, new)
    run(ledger, index, encoder)
    depth = ledger.depth()
    assert (depth.queued, depth.in_flight) == (0, 0)
    assert len(DeadLetters(ledger)) == 0


def test_a_slice_of_a_model_that_was_dropped_is_done(
    ledger: Ledger, index: EdgeIndex, encoder: Encoder, new: Encoder
) -> None:
    index.drop_model(new.fingerprint)
    register(ledger, new)
    run(ledger, index, encoder)
    assert not ledger.depth().batches[REINDEX]
    assert len(DeadLetters(ledger)) == 0


def test_a_slice_waits_for_the_rate_before_it_encodes(
    ledger: Ledger, index: EdgeIndex, encoder: Encoder, new: Encoder
) -> None:
    ledger.pace(100, rate=1)
    ledger.pace(100, rate=1)  # other slices have encoded enough for minutes
    register(ledger, new, rate=1)
    run(ledger, index, encoder, seconds=0)
    assert index.count(without_vector(new.fingerprint)) == DOCUMENTS
    assert ledger.depth().batches[REINDEX] == 1


def test_the_last_page_of_a_slice_counts_for_the_rate_too(
    ledger: Ledger, index: EdgeIndex, encoder: Encoder, new: Encoder
) -> None:
    register(ledger, new, rate=0.01)
    run(ledger, index, encoder)
    assert index.count(without_vector(new.fingerprint)) == 0
    assert ledger.pace(DOCUMENTS, rate=0.01) > 60


def test_a_slice_that_waits_for_the_rate_gives_way_to_documents(
    ledger: Ledger, index: EdgeIndex, encoder: Encoder, new: Encoder
) -> None:
    ledger.pace(100, rate=1)
    ledger.pace(100, rate=1)
    register(ledger, new, rate=1)
    ledger.register("batch", "{}", 1, "job", BULK)
    run(ledger, index, encoder)
    assert ledger.depth().batches[REINDEX] == 1


def test_the_dead_letter_of_a_passage_names_its_document_and_says_what_to_do(
    ledger: Ledger, index: EdgeIndex, encoder: Encoder, new: Encoder
) -> None:
    register(ledger, new)
    for _ in range(3):  # the worker died
        lease = ledger.start("slice", 0)
        assert lease is not None
        assert ledger.begin(lease)
    run(ledger, index, encoder)
    letters = DeadLetters(ledger)
    (letter,) = letters.list()
    (first, *_) = index.scroll()
    assert (letter.error, letter.document) == ("WorkerDied", first.payload["doc_id"])
    with pytest.raises(InvalidMessage, match="run 'postings reindex' again"):
        letters.retry(letter.id)


def test_redis_that_refuses_writes_after_a_failover_is_no_passages_fault(
    settings: Settings, own_redis: RedisServer, index: EdgeIndex, encoder: Encoder, new: Encoder
) -> None:
    ledger = Ledger(settings.model_copy(update={"redis_url": SecretStr(own_redis.url)}))
    retrier = Retrier(threading.Event())
    register(ledger, new)
    slice_run = leased(ledger, index, encoder, retrier)
    with redis.Redis.from_url(own_redis.url) as client, ThreadPoolExecutor(1) as thread:
        client.replicaof("127.0.0.1", 1)
        working = thread.submit(slice_run.run)
        while not (retrier.troubles or working.done()):
            time.sleep(0.01)
        client.replicaof("NO", "ONE")
        working.result()
    assert len(DeadLetters(ledger)) == 0
    assert index.count(without_vector(new.fingerprint)) == 0


def test_the_command_queues_slices_and_waits_until_nothing_lacks_a_vector(
    settings: Settings, ledger: Ledger, encoder: Encoder, new: Encoder
) -> None:
    ended, seen = threading.Event(), []

    def work(index: Index) -> None:
        while not ended.wait(0.05):
            for id, _ in ledger.recover(0, idle=True):
                run(ledger, index, encoder, id=id)

    with ServerIndex(AsyncQdrantClient(":memory:"), settings) as index, ThreadPoolExecutor() as pool:
        fill(index, encoder)
        working = pool.submit(work, index)
        try:
            report = queue_reindex(index, new, settings, None, seen.append, wait=True)
        finally:
            ended.set()
        working.result()
        assert index.count(without_vector(new.fingerprint)) == 0
    assert (report.passages, report.filled, report.encoded) == (DOCUMENTS, DOCUMENTS, DOCUMENTS)
    assert seen[-1] == report


@pytest.mark.parametrize("rate", [0, -1, 1e-300, float("nan"), "5", True])
def test_a_rate_that_cannot_be_kept_is_refused(ledger: Ledger, index: EdgeIndex, new: Encoder, rate: Any) -> None:
    with pytest.raises(InvalidInput, match="rate"):
        reindex(index, new, rate=rate)
    with pytest.raises(InvalidInput, match="rate"):
        queue_slices(ledger, lambda *_: None, new.fingerprint, 1, rate)
    with pytest.raises(InvalidMessage, match="rate"):
        Slice.unpack(Slice(new.fingerprint, IdRange(), rate).pack())
    assert ledger.depth().queued == 0
