"""`postings worker` and `postings serve`, each in a process of its own, as users run them."""

from __future__ import annotations

import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import redis

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
    assert told["ready"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready") as answer:
        assert answer.read() == b"ready\n"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        metrics = answer.read().decode()
    assert 'postings_documents_total{outcome="indexed"} 40.0' in metrics
    assert "postings_queued_documents 0.0" in metrics
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


def test_serve_embedded_needs_no_redis_and_loses_nothing_when_killed(
    start: Start, source: Path, tmp_path: Path
) -> None:
    own = {"POSTINGS_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    server = start("serve", "--embedded", environment=own)
    report = json_of(start("ingest", "--queue", str(source), "--json", environment=own))
    assert report["indexed"] == 40
    server.kill()  # the broker outlives it, with its port
    assert "40 documents queued" in done(start("ingest", "--queue", "--no-wait", str(source), environment=own))
    server = start("serve", "--embedded", environment=own)

    def finished() -> bool:
        ran = start("status", "--json", environment=own).ended()
        # It fails while the broker is started again.
        return not ran.status and bool(ran.json["queued"] + ran.json["in_flight"] == 0)

    until(finished, "what was queued isn't indexed")
    server.send_signal(signal.SIGINT)
    done(server)
    assert "lions" in done(start("search", "lions"))


def answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.exceptions.RedisError:
            return False


def memory_of(process: int) -> bytes:
    """What a process can write to, its heap for example."""
    regions = [line.split() for line in Path(f"/proc/{process}/maps").read_text().splitlines()]
    found = b""
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        for addresses, rights, *_ in regions:
            begin, end = (int(address, 16) for address in addresses.split("-"))
            if rights.startswith("rw") and end - begin < 2**26:
                memory.seek(begin)
                found += memory.read(end - begin)
    return found


def test_the_embedded_broker_gets_no_settings_and_so_no_keys(start: Start, settings: Settings) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    keys = {"POSTINGS_INDEX_API_KEY": "sesame", "postings_index_api_key": "sesame", "POSTINGSLESS": "poppy"}
    start("serve", "--embedded", environment={"POSTINGS_REDIS_URL": url, **keys})
    until(lambda: answers(url), "the broker doesn't answer")
    with redis.Redis.from_url(url) as client:
        broker = client.info("server")["process_id"]
    memory = memory_of(broker)  # Valkey overwrites what /proc shows of its environment, and keeps a copy
    assert b"POSTINGSLESS=poppy" in memory
    assert b"sesame" not in memory
    assert b"POSTINGS_INDEX_URL" not in memory
    ledger = Ledger(Settings(redis_url=url, collection=settings.collection))  # type: ignore[arg-type]
    until(lambda: any(worker.ready for worker in queue_status(ledger).workers), "the worker has lost its settings")
