"""Workers of a service: a few at once, though documents come for many collections."""

from __future__ import annotations

import contextlib

import psutil
import pytest

from postings import Document, Settings
from postings_ingest import Ledger, Producer
from postings_serve.process import workers
from postings_serve.process.workers import Workers
from tests.support.served import services
from tests.support.worker import until


def collections() -> list[str]:
    """Those whose workers run."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            if "postings_ingest.app" in each.cmdline():
                found.append(each.environ()["POSTINGS_COLLECTION"])
    return found


def queued(settings: Settings, collection: str) -> Ledger:
    """Queue a document for a collection."""
    with Producer(settings.of_collection(collection)) as producer:
        producer.add(Document("1", "A lion sleeps."))
    return Ledger(settings.of_collection(collection))


def test_collections_take_turns_and_the_default_one_keeps_its_worker(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LIMIT", 2)
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.5)
    ledgers = [queued(settings, f"animals-{number}") for number in range(3)]
    most = 0

    def done() -> bool:
        nonlocal most
        most = max(most, len(collections()))
        return not any(depth.queued + depth.in_flight for depth in (ledger.depth() for ledger in ledgers))

    with services(settings), Workers(settings) as running:
        until(done, "a collection never had its turn")
        until(lambda: collections() == [settings.collection], "an idle worker runs on")
        again = queued(settings, "animals-0")
        running.need("animals-0")
        until(lambda: not again.depth().queued, "a worker that was stopped isn't started again")
    assert most == 2
    assert not collections()
