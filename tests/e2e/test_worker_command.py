"""`postings worker` in a process of its own, as users run it."""

from __future__ import annotations

import re
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from postings import Settings
from postings_ingest import Ledger
from postings_ingest.queue.celery_app import celery_app
from postings_ingest.queue.status import queue_status
from tests.support.queue_commands import Start, children, done, json_of, status
from tests.support.redis_server import free_port
from tests.support.worker import until


def test_a_file_is_queued_indexed_by_a_worker_and_found(start: Start, source: Path) -> None:
    port = free_port()
    worker = start("worker", "--port", str(port))
    report = json_of(start("ingest", "--queue", str(source), "--json"))
    assert (report["submitted"], report["indexed"], report["failed"], report["rejected"]) == (40, 40, 0, 0)
    now = status(start)
    assert (now["queued"], now["in_flight"], now["dead_letters"]) == (0, 0, 0)
    assert now["jobs"][report["job"]]["indexed"] == 40
    (told,) = now["workers"]
    assert told["batches_in_flight"] >= 0
    until(lambda: status(start)["workers"][0]["ready"], "the worker isn't ready")  # says its next heartbeat
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready") as answer:
        assert answer.read() == b"ready\n"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        metrics = answer.read().decode()
    assert 'postings_documents_total{outcome="indexed"} 40.0' in metrics
    assert "postings_queued_documents 0.0" in metrics
    assert ("postings_card_memory_bytes" in metrics) == told["device"].startswith("cuda")
    shown = done(start("status"))
    assert "40 of 40: 40 indexed" in shown
    worker.send_signal(signal.SIGTERM)
    done(worker)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/ready")
    assert "lions" in done(start("search", "lions"))


def test_a_killed_worker_is_started_again_and_does_not_outlive_its_supervisor(
    start: Start, settings: Settings, source: Path
) -> None:
    ledger = Ledger(settings)
    supervisor = start("worker")
    until(lambda: any(worker.ready for worker in queue_status(ledger).workers), "no worker is ready")
    (child,) = children(supervisor)
    child.kill()
    report = json_of(start("ingest", "--queue", str(source), "--json"))
    assert report["indexed"] == 40
    (child,) = children(supervisor)
    supervisor.kill()
    child.wait(20)


def test_a_worker_shows_itself_to_celerys_monitors_if_asked(start: Start, settings: Settings) -> None:
    seen: list[dict[str, Any]] = []
    app = celery_app(settings)
    start("worker", environment={"POSTINGS_WORKER_EVENTS": "true"})
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection)

        def show(event: dict[str, Any]) -> None:
            seen.append(event)
            receiver.should_stop = True

        receiver.handlers["*"] = show
        receiver.capture(timeout=60)
    assert seen[0]["type"] in {"worker-online", "worker-heartbeat"}


def test_a_wrong_model_is_said_in_one_line_and_ends_the_worker(start: Start) -> None:
    err = done(start("worker", "--model", "./nowhere"), 1)
    assert "the worker can't start: there is no model './nowhere'" in err
    assert "Traceback" not in err


def test_a_card_that_is_not_there_is_said_in_one_line_and_ends_the_worker(start: Start) -> None:
    err = done(start("worker", "--device", "cuda:99"), 1)
    (line,) = [line for line in err.splitlines() if "can't start" in line]
    assert re.search(r"expected one of the devices auto, cpu.*, got 'cuda:99'", line)
    assert "Traceback" not in err
