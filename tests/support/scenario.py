"""What users do with the whole of it, on whatever Redis and index: queue, search, explain, update, delete."""

from __future__ import annotations

from pathlib import Path

import pytest

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Counts, Ledger, Producer
from postings_ingest.queue.status import queue_status
from postings_query import Hit, SearchClient
from tests.support.sentences import SENTENCES
from tests.support.worker import Worker


def play(settings: Settings, encoder: Encoder, folder: Path) -> None:
    """Run it; a real worker process does the work."""
    worker = Worker(settings, folder / "worker.log")
    try:
        worker.wait_until_ready()
        with Producer(settings) as producer:
            for number, text in enumerate(SENTENCES):
                producer.add(Document(str(number), text))
        assert producer.job.wait(60) == Counts(submitted=9, indexed=9)
        update = Producer(settings)
        update.add(Document("0", "A cheetah is chasing a monkey."))
        update.add(Document("1", "too old", version=1))
        update.delete("8")
        update.close()
        expected = Counts(submitted=3, indexed=1, superseded=1, deleted=1)
        seen: list[Counts] = []
        assert update.job.wait(60, progress=seen.append) == seen[-1] == expected
        assert worker.stop() == 0
    finally:
        worker.kill()
    hits = found(settings, encoder, "cheetah")
    assert hits[0].text == "A cheetah is chasing a monkey."
    assert "8" not in {hit.id for hit in hits}
    assert sum(part.contribution for part in hits[0].contributions) == pytest.approx(hits[0].score)
    fired = {hits[0].text[start:end] for part in hits[0].contributions for start, end in part.evidence}
    assert {"che", "eta", "h"} <= fired
    status = queue_status(Ledger(settings))
    assert (status.queued, status.in_flight, status.dead_letters, status.workers) == (0, 0, 0, [])


def found(settings: Settings, encoder: Encoder, query: str) -> list[Hit]:
    """The hits of a client that opens the collection anew; no worker may hold an embedded one."""
    with open_index(settings) as index:
        return SearchClient(index=index, encoder=encoder).search(query, explain=True, consistent=True)
