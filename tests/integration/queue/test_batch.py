"""A batch in the hands of a worker that another one overtook."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest

from postings import Document, Encoder, Settings, SparseVector, open_index
from postings.encoder.evidence import Evidence
from postings.errors import IndexUnavailable
from postings_ingest import Counts, DeadLetters, Ledger
from postings_ingest.indexing import Indexer
from postings_ingest.queue.lease import Lease
from postings_ingest.queue.ledger import BULK
from postings_ingest.queue.messages import dump, pack, to_json
from postings_ingest.worker.batch import BatchRun
from postings_ingest.worker.retrying import Retrier, Stopping


def leased(ledger: Ledger, seconds: float) -> Lease:
    lease = ledger.start("batch", seconds)
    assert lease is not None
    return lease


def payload(*texts: str) -> str:
    return pack([dump(to_json(Document(str(number), text))) for number, text in enumerate(texts)])


def run(lease: Lease, indexer: Indexer, ledger: Ledger, stopping: threading.Event) -> Counts:
    return BatchRun(lease, indexer, ledger, lambda *_: None, Retrier(stopping), 600).run()


def test_who_was_overtaken_writes_nothing(settings: Settings, ledger: Ledger, encoder: Encoder) -> None:
    ledger.register("batch", payload("an old revision"), 1, "job", BULK)
    with open_index(settings) as index:
        index.ensure(encoder.fingerprint, encoder.name)
        indexer = Indexer(encoder, index, settings)
        late = leased(ledger, 0)
        leased(ledger, 10)
        assert run(late, indexer, ledger, threading.Event()) == Counts()
        assert list(index.scroll()) == []


def test_an_index_that_was_closed_is_no_documents_fault(settings: Settings, ledger: Ledger, encoder: Encoder) -> None:
    ledger.register("batch", payload("given back"), 1, "job", BULK)
    stopping = threading.Event()
    stopping.set()
    with open_index(settings) as index:
        index.ensure(encoder.fingerprint, encoder.name)
        indexer = Indexer(encoder, index, settings)
    with pytest.raises(Stopping) as caught:
        run(leased(ledger, 10), indexer, ledger, stopping)
    assert isinstance(caught.value.__cause__, IndexUnavailable)
    assert ledger.counts("job") == Counts(submitted=1)
    assert leased(ledger, 10).deliveries == 1


def test_unchanged_documents_are_not_encoded_again_but_get_the_version_of_their_arrival(
    settings: Settings, ledger: Ledger, encoder: Encoder
) -> None:
    texts = ["A lion hunts.", "A monkey plays."]
    with open_index(settings) as index:
        index.ensure(encoder.fingerprint, encoder.name)
        indexer = Indexer(encoder, index, settings)

        def delivered() -> Counts:
            return run(leased(ledger, 10), indexer, ledger, threading.Event())

        ledger.register("batch", payload(*texts), 2, "first", BULK)
        assert delivered() == Counts(indexed=2)
        # Another text comes meanwhile, and its batch waits.
        ledger.register("late", payload("A tiger waits."), 1, "late", BULK)
        passes = encoder.work.passes
        arrival = ledger.register("batch", payload(*texts), 2, "second", BULK)
        assert delivered() == Counts(indexed=2, unchanged=2)
        assert encoder.work.passes == passes
        assert ledger.counts("second") == Counts(submitted=2, indexed=2, unchanged=2)
        assert {point.payload["version"] for point in index.scroll()} == {arrival}
        late = ledger.start("late", 10)
        assert late is not None
        assert run(late, indexer, ledger, threading.Event()) == Counts(superseded=1)
        assert sorted(point.payload["text"] for point in index.scroll()) == texts


class FailsOnOdd(Encoder):
    """Raises an error of a library for the text ODD, and encodes all others."""

    def encode_for_storage(
        self, texts: Iterable[str], check: Callable[[], object] = bool
    ) -> list[tuple[SparseVector, Evidence]]:
        read = list(texts)
        if "ODD" in read:
            raise KeyError("odd")
        return super().encode_for_storage(read, check)


def test_a_document_that_the_model_fails_on_is_a_dead_letter_with_an_error_of_ours(
    settings: Settings, ledger: Ledger
) -> None:
    encoder = FailsOnOdd.load("tiny", "cpu")
    ledger.register("batch", payload("A lion hunts.", "ODD", "A monkey plays."), 3, "job", BULK)
    with open_index(settings) as index:
        index.ensure(encoder.fingerprint, encoder.name)
        counts = run(leased(ledger, 10), Indexer(encoder, index, settings), ledger, threading.Event())
    assert counts == Counts(indexed=2, failed=1)
    (letter,) = DeadLetters(ledger).list()
    assert (letter.document, letter.error, letter.reason) == ("1", "EncodingFailed", "KeyError: 'odd'")


def test_a_batch_that_cannot_be_read_counts_all_its_documents_as_failed(
    settings: Settings, ledger: Ledger, encoder: Encoder
) -> None:
    ledger.register("batch", "not JSON", 256, "job", BULK)
    with open_index(settings) as index:
        index.ensure(encoder.fingerprint, encoder.name)
        indexer = Indexer(encoder, index, settings)
        assert run(leased(ledger, 10), indexer, ledger, threading.Event()) == Counts(failed=256)
    assert ledger.counts("job") == Counts(submitted=256, failed=256)
    assert len(DeadLetters(ledger)) == 1
