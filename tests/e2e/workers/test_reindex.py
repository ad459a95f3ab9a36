"""Workers give a collection another model, slice by slice, when they have nothing else to do."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document, Encoder, Index, Settings
from postings.errors import InvalidMessage, NewerFormat
from postings.index.payload import PASSAGES, without_vector
from postings.index.server import ServerIndex
from postings_ingest import DeadLetters, Ledger, Pipeline, Producer
from postings_ingest.id_range import IdRange
from postings_ingest.queue.celery_app import announce, celery_app
from postings_ingest.queue.ledger import REINDEX
from postings_ingest.queue.slices import Slice, queue_slices
from tests.support.indexes import served
from tests.support.models import quiet_tiny
from tests.support.worker import StartWorker, Worker, until


@pytest.fixture
def settings(redis_url: str) -> Iterator[Settings]:
    """A server: the tests look into the index while workers write to it."""
    with served("rest", f"test-{uuid.uuid4().hex[:12]}") as settings:
        yield settings.model_copy(
            update={"redis_url": Settings(redis_url=redis_url).redis_url, "visibility_timeout": 2}
        )


@pytest.fixture
def index(settings: Settings) -> Iterator[Index]:
    with ServerIndex.connect(settings) as index:
        yield index


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(quiet_tiny(tmp_path_factory.mktemp("model")), "cpu")


def index_documents(settings: Settings, index: Index, encoder: Encoder, number: int) -> None:
    """Encode so many documents with the first model."""
    documents = [Document(str(each), f"document number {each}") for each in range(number)]
    Pipeline(encoder, index, settings).run(documents)


def queued(settings: Settings, index: Index, new: Encoder, passages: int, rate: float | None = None) -> int:
    index.add_model(new.fingerprint, new.location)
    tell = partial(announce, celery_app(settings), settings)
    return queue_slices(Ledger(settings), tell, new.fingerprint, passages, rate)


def lacking(index: Index, new: Encoder) -> int:
    return index.count(without_vector(new.fingerprint))


def test_slices_are_worked_on_though_workers_are_killed(
    settings: Settings, index: Index, encoder: Encoder, new: Encoder, start_worker: StartWorker
) -> None:
    index_documents(settings, index, encoder, 300)
    assert queued(settings, index, new, passages=10_000) == 5
    ledger = Ledger(settings)
    for _ in range(2):
        before = lacking(index, new)
        worker = start_worker(settings=settings)
        until(lambda: lacking(index, new) < before, "no passage was encoded")  # noqa: B023 - it is called at once
        worker.kill()
    start_worker(settings=settings)
    until(lambda: lacking(index, new) == 0, "passages are left")
    until(lambda: not ledger.depth().batches[REINDEX] and not ledger.depth().in_flight, "slices are left")
    assert index.count(PASSAGES) == 300
    assert len(DeadLetters(ledger)) == 0


def test_documents_overtake_a_reindex_and_get_both_vectors(
    settings: Settings, index: Index, encoder: Encoder, new: Encoder, start_worker: StartWorker
) -> None:
    index_documents(settings, index, encoder, 600)
    queued(settings, index, new, passages=1, rate=2)  # so slow that it lasts minutes
    start_worker(settings=settings)
    until(lambda: lacking(index, new) < 600, "no passage was encoded")
    with Producer(settings) as producer:
        producer.add(Document("new", "a document that can't wait"))
    producer.job.wait(60)
    assert lacking(index, new) > 0
    (point,) = index.scroll({"must": [{"key": "doc_id", "match": {"value": "new"}}]}, vectors=[new.fingerprint])
    assert new.fingerprint in point.vectors


def test_a_passage_that_kills_workers_is_a_dead_letter_and_its_neighbors_are_encoded(
    settings: Settings, index: Index, encoder: Encoder, new: Encoder, start_worker: StartWorker, faults: Path
) -> None:
    index_documents(settings, index, encoder, 40)
    Pipeline(encoder, index, settings).run([Document("poison", "POISON")])
    (faults / "poison").touch()
    queued(settings, index, new, passages=1)
    letters = DeadLetters(Ledger(settings))
    worker: Worker | None = None

    def ended() -> bool:
        nonlocal worker
        if worker is None or not worker.process.is_alive():
            worker = start_worker(settings=settings, faults=faults)
        return len(letters) == 1 and lacking(index, new) == 1

    until(ended, "the passage isn't the only one left", seconds=180)
    (letter,) = letters.list()
    assert letter.error == "WorkerDied"
    assert letter.operation.keys() == {"reindex"}


def test_all_workers_together_keep_the_rate(ledger: Ledger) -> None:
    waits = [ledger.pace(10, rate=20) for _ in range(4)]
    assert waits[0] <= 0.5
    assert 1 < waits[3] <= 2


@given(
    st.text(),
    st.tuples(st.integers(0, 2**128), st.integers(0, 2**128)).map(sorted),
    st.none() | st.floats(min_value=0.1, max_value=1e6),
)
def test_a_slice_is_read_back(model: str, bounds: list[int], rate: float | None) -> None:
    part = Slice(model, IdRange(*bounds), rate)
    assert Slice.unpack(part.pack()) == part


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "reindex": {"model": 1}}'])
def test_anything_else_is_no_slice(payload: str) -> None:
    with pytest.raises(InvalidMessage):
        Slice.unpack(payload)


def test_a_slice_of_a_newer_version_is_left_to_a_newer_worker() -> None:
    with pytest.raises(NewerFormat):
        Slice.unpack('{"format": 2, "reindex": {}}')
