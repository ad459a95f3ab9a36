"""Workers that are killed while a file is uploaded."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from postings import Settings, open_index
from postings.index.document_filter import ALL_DOCUMENTS
from postings_ingest import Ledger
from tests.support.service import Service
from tests.support.worker import StartWorker, until

DOCUMENTS = 2000
WORDS = ["man", "food", "eats", "drums", "plays", "monkey", "cheetah", "prey", "runs", "behind"]


def test_a_job_ends_exact_though_workers_are_killed_while_its_file_is_uploaded(
    settings: Settings, ledger: Ledger, start_worker: StartWorker
) -> None:
    rng = random.Random(7)
    records = [{"id": str(n), "text": " ".join(rng.choices(WORDS, k=30))} for n in range(DOCUMENTS)]
    file = "\n".join([*map(json.dumps, records), "{}", "not JSON"]).encode()

    def done() -> int:
        return sum(counts.done for counts in ledger.counts_of(ledger.latest_jobs(1)) if counts)

    # The upload lasts as long as the work: the queue has room for a quarter of it.
    narrow = settings.model_copy(update={"queue_limit": DOCUMENTS // 4, "serve_timeout": 120})
    with Service(narrow) as service, ThreadPoolExecutor(1) as pool:
        upload = pool.submit(service, "POST", "/v1/documents", files={"file": ("some.jsonl", file)})
        for mark in (0, DOCUMENTS // 4, DOCUMENTS // 2):
            worker = start_worker()
            until(lambda mark=mark: done() > mark, "the worker does nothing")  # type: ignore[misc]
            worker.kill()
            assert not upload.done(), upload.result().text
        worker = start_worker()
        answer = upload.result()
        assert answer.status_code == 202, answer.text
        assert (answer.json()["submitted"], answer.json()["rejected_count"]) == (DOCUMENTS, 2)
        service("GET", f"{answer.headers['Location']}/events")
        state = service("GET", answer.headers["Location"]).json()
    assert worker.stop() == 0
    assert state["finished"]
    assert state["indexed"] + state["failed"] == state["submitted"] == DOCUMENTS
    with open_index(settings) as index:
        heads = Counter(head.payload["doc_id"] for head in index.scroll(ALL_DOCUMENTS, fields=["doc_id"]))
    assert sum(heads.values()) == len(heads) == state["indexed"]
    assert ledger.depth().queued == ledger.depth().in_flight == 0
