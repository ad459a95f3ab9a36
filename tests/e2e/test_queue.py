"""`postings ingest --queue` and `postings status`, each in a process of its own, as users run them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from postings import Document, Settings
from postings.errors import ReaderError
from postings_cli.commands.queueing import queue_documents
from postings_cli.left_out import LeftOut
from postings_cli.rejected import Rejected
from postings_cli.remarks import Remarks
from postings_ingest import Ledger
from postings_ingest.journal import Journal
from postings_ingest.queue.status import queue_status
from tests.support.queue_commands import Start, done, json_of, status
from tests.support.worker import until


def test_documents_are_queued_without_a_worker_and_without_waiting(start: Start, source: Path) -> None:
    out = done(start("ingest", "--queue", str(source), "--no-wait"))
    assert "40 documents queued" in out
    now = status(start)
    assert (now["queued"], now["in_flight"], now["workers"]) == (40, 0, [])
    assert "none: start one with `postings worker`" in done(start("status"))


def test_ctrl_c_while_waiting_leaves_the_documents_queued(start: Start, settings: Settings, source: Path) -> None:
    ledger = Ledger(settings)
    process = start("ingest", "--queue", str(source))
    until(lambda: queue_status(ledger).queued == 40, "the documents aren't queued")
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
    assert f"300 documents are queued as job {job}; `postings status --watch --job {job}` follows them" in said


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
