"""The commands of the queue, each in a process of its own, as users run them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from postings import Document, Settings
from postings.errors import ReaderError
from postings_cli.left_out import LeftOut
from postings_cli.queueing import queue_documents
from postings_cli.rejected import Rejected
from postings_cli.remarks import Remarks
from postings_ingest import Ledger
from postings_ingest.journal import Journal
from postings_ingest.queue.celery_app import celery_app
from postings_ingest.queue.status import queue_status
from tests.support.redis_server import RedisServer, free_port, server_binary
from tests.support.worker import environment_of, until

POSTINGS = str(Path(sys.executable).with_name("postings"))
RECORDS = [{"id": str(number), "text": f"document number {number} about lions"} for number in range(40)]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), server_binary())
    server.start()
    yield server
    server.kill()


@pytest.fixture
def settings(redis: RedisServer, tmp_path: Path) -> Settings:
    return Settings(
        redis_url=redis.url,  # type: ignore[arg-type]
        collection=tmp_path.name,
        index_url=str(tmp_path / "index"),
        visibility_timeout=2,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "documents.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return file


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [POSTINGS, *arguments],
            env=environment_of(settings) | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        for child in children(process):
            child.kill()
        process.kill()
        process.communicate()


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def done(process: subprocess.Popen[str], status: int = 0) -> str:
    out, err = process.communicate(timeout=90)
    assert process.returncode == status, out + err
    return out + err


def json_of(process: subprocess.Popen[str]) -> Any:
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, out + err
    return json.loads(out)


def status(start: Start) -> dict[str, Any]:
    found: dict[str, Any] = json_of(start("status", "--json"))
    return found


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


def test_a_killed_worker_is_started_again_and_does_not_outlive_its_supervisor(start: Start, source: Path) -> None:
    supervisor = start("worker")
    until(lambda: any(worker["ready"] for worker in status(start)["workers"]), "no worker is ready")
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


def test_documents_are_queued_without_a_worker_and_without_waiting(start: Start, source: Path) -> None:
    out = done(start("ingest", "--queue", str(source), "--no-wait"))
    assert "40 documents queued" in out
    now = status(start)
    assert (now["queued"], now["in_flight"], now["workers"]) == (40, 0, [])
    assert "none: start one with `postings worker`" in done(start("status"))


def test_ctrl_c_while_waiting_leaves_the_documents_queued(start: Start, source: Path) -> None:
    process = start("ingest", "--queue", str(source))
    until(lambda: status(start)["queued"] == 40, "the documents aren't queued")
    process.send_signal(signal.SIGINT)
    assert "interrupted: 40 documents are queued as job" in done(process, 130)


def test_a_job_id_in_redis_cannot_forge_lines_of_the_status(start: Start, settings: Settings) -> None:
    Ledger(settings).register("a", "payload", 1, "job\n[bold]dead letters\x1b[2J  0", "bulk")
    said = done(start("status"))
    assert "job\ufffd" not in said
    assert "job [bold]dead letters\ufffd[2J  0  0 of 1" in said


def test_one_job_is_followed_until_it_is_finished(start: Start, source: Path) -> None:
    queued = done(start("ingest", "--queue", str(source), "--no-wait"))
    job = queued.split("as job ")[1].split()[0]
    assert f"{job}  0 of 40" in done(start("status", "--job", job))
    watching = start("status", "--job", job, "--watch", "--json")
    worker = start("worker")
    out = done(watching)
    assert json.loads(out[out.rindex("{") :])["finished"]
    now = json_of(start("status", "--job", job, "--json"))
    assert (now["job"], now["submitted"], now["indexed"], now["failed"]) == (job, 40, 40, 0)
    assert f"{job}  40 of 40: 40 indexed" in done(start("status", "--job", job))
    assert "there is no job 'nowhere'" in done(start("status", "--job", "nowhere"), 1)
    worker.send_signal(signal.SIGTERM)
    done(worker)


def test_whoever_waits_for_workers_waits_for_redis_too(
    start: Start, settings: Settings, source: Path, tmp_path: Path
) -> None:
    (folder := tmp_path / "redis").mkdir()
    own = RedisServer(folder, server_binary())
    own.start()
    at = {"POSTINGS_REDIS_URL": own.url}
    try:
        ingest = start("ingest", "--queue", str(source), environment=at)
        ledger = Ledger(Settings(redis_url=own.url, collection=settings.collection))  # type: ignore[arg-type]
        until(lambda: queue_status(ledger).queued == 40, "the documents aren't queued")
        watching = start("status", "--watch", "--json", environment=at)
        assert watching.stdout is not None
        assert watching.stdout.readline() == "{\n"
        own.kill()
        threading.Event().wait(2)  # for both to notice; if they don't, nothing is tested, but nothing fails
        own.start()
        worker = start("worker", environment=at)
        report = done(ingest)
        assert "40 documents indexed" in report
        assert report.count("waiting for job") <= 1
        assert report.count("waiting for job") == report.count("Redis answers again")
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=60)
        assert "Traceback" not in said
        assert said.count("waiting: Redis at") == said.count("answers again") <= 1
        worker.send_signal(signal.SIGTERM)
        done(worker)
    finally:
        own.kill()


def test_an_error_after_some_documents_were_queued_says_where_they_are(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    def documents() -> Iterator[Document]:
        for number in range(300):
            yield Document(str(number), "a text")
        raise ReaderError("the source broke off")

    with Journal() as journal, Rejected(None) as rejected:
        remarks = Remarks(journal, rejected, LeftOut())
        with pytest.raises(ReaderError):
            queue_documents(documents(), settings, None, remarks, wait=True, as_json=False)
    said = capsys.readouterr().err
    (job,) = queue_status(Ledger(settings)).jobs
    assert f"300 documents are queued as job {job}; `postings status --job {job}` follows them" in said


def test_json_reports_a_run_that_fails_before_anything_is_queued_without_secrets(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTINGS_INDEX_API_KEY", "hunter2")

    def documents() -> Iterator[Document]:
        raise ReaderError("hunter2 isn't accepted")
        yield

    with Journal() as journal, Rejected(None) as rejected:
        remarks = Remarks(journal, rejected, LeftOut())
        with pytest.raises(ReaderError):
            queue_documents(documents(), settings, None, remarks, wait=True, as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert (report["submitted"], report["error"]) == (0, "*** isn't accepted")


def test_a_redis_that_may_lose_documents_is_warned_of_once_by_each_command(
    start: Start, source: Path, tmp_path: Path
) -> None:
    (folder := tmp_path / "redis").mkdir()
    risky = {"maxmemory": "64mb", "maxmemory-policy": "allkeys-lru"}
    own = RedisServer(folder, server_binary(), appendonly="no", **risky)
    own.start()
    at = {"POSTINGS_REDIS_URL": own.url}
    try:
        worker = start("worker", environment=at)
        for said in (
            done(start("ingest", "--queue", str(source), environment=at)),
            done(start("status", environment=at)),
            *[done(worker) for _ in [worker.send_signal(signal.SIGTERM)]],
        ):
            assert said.count("keeps no append-only file") == 1
            assert said.count("its maxmemory-policy is allkeys-lru") == 1
    finally:
        own.kill()


def test_a_redis_that_keeps_everything_is_not_warned_of(start: Start, source: Path) -> None:
    said = done(start("ingest", "--queue", str(source), "--no-wait")) + done(start("status"))
    assert "append-only" not in said
    assert "maxmemory" not in said


def test_a_wrong_model_is_said_in_one_line_and_ends_the_worker(start: Start) -> None:
    err = done(start("worker", "--model", "./nowhere"), 1)
    assert "the worker can't start: there is no model './nowhere'" in err
    assert "Traceback" not in err


def test_redis_that_is_away_is_said_in_one_line(start: Start) -> None:
    err = done(start("status", environment={"POSTINGS_REDIS_URL": "redis://127.0.0.1:1"}), 1)
    assert err.startswith("error: Redis at 127.0.0.1:1: ")
    assert len(err.splitlines()) == 1


def test_dead_letters_are_listed_shown_retried_and_purged(start: Start, settings: Settings) -> None:
    from postings import Document
    from postings_ingest import Counts, Ledger
    from postings_ingest.queue.dead_letters import letter
    from postings_ingest.queue.messages import to_json

    ledger = Ledger(settings)
    arrival = ledger.register("b", "{}", 2, "job", "bulk")
    lease = ledger.start("b", 10)
    assert lease is not None
    letters = [letter(to_json(Document(name, "a text")), "IndexRejected", "too large", arrival) for name in ("x", "y")]
    ledger.finish(lease, Counts(), letters)
    assert "greater than or equal to 1" in done(start("dead-letters", "list", "--limit", "-1"), 2)
    listed = done(start("dead-letters", "list"))
    assert "'x'  IndexRejected: too large" in listed
    first, second = (each["id"] for each in json_of(start("dead-letters", "list", "--json")))
    assert json_of(start("dead-letters", "show", first))["operation"]["upsert"]["text"] == "a text"
    assert "1 queued again" in done(start("dead-letters", "retry", first))
    assert status(start)["queued"] == 1
    assert "not both" in done(start("dead-letters", "purge", "--all", second), 2)
    assert status(start)["dead_letters"] == 1
    err = done(start("dead-letters", "purge", "0-1", second, second, "no id"), 1)
    assert "there is no dead letter '0-1'" in err
    assert "there is no dead letter 'no id'" in err
    assert status(start)["dead_letters"] == 0
    assert "0 forgotten" in done(start("dead-letters", "purge", "--all"))
    assert "there is no dead letter" in done(start("dead-letters", "show", first), 1)
    assert "name letters, or give --all" in done(start("dead-letters", "retry"), 2)


def test_an_old_letter_is_retried_only_by_force(start: Start, settings: Settings) -> None:
    from postings_ingest import Counts, Ledger
    from postings_ingest.queue.dead_letters import letter

    ledger = Ledger(settings)
    ledger.register("b", "{}", 1, "job", "bulk")
    lease = ledger.start("b", 10)
    assert lease is not None
    ledger.finish(lease, Counts(), [letter({"delete": {"id": "x"}}, "Error", "reason", arrival=1)])
    assert "could bring back a deleted document" in done(start("dead-letters", "retry", "--all"), 1)
    assert "1 queued again" in done(start("dead-letters", "retry", "--all", "--force"))


def test_serve_embedded_needs_no_redis_and_loses_nothing_when_killed(
    start: Start, source: Path, tmp_path: Path
) -> None:
    own = {"POSTINGS_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    server = start("serve", "--embedded", environment=own)
    report = json_of(start("ingest", "--queue", str(source), "--json", environment=own))
    assert report["indexed"] == 40
    server.kill()  # the broker outlives it, with its port
    server.communicate()
    assert "40 documents queued" in done(start("ingest", "--queue", "--no-wait", str(source), environment=own))
    server = start("serve", "--embedded", environment=own)

    def finished() -> bool:
        status = start("status", "--json", environment=own)
        out, _ = status.communicate(timeout=90)
        if status.returncode:  # while the broker is started again
            return False
        now = json.loads(out)
        return bool(now["queued"] + now["in_flight"] == 0)

    until(finished, "what was queued isn't indexed")
    server.send_signal(signal.SIGINT)
    done(server)
    assert "lions" in done(start("search", "lions"))
