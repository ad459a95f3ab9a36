"""`postings ingest --queue` says of a source what `postings ingest` says."""

from __future__ import annotations

import signal
from pathlib import Path

from postings import Settings
from postings_ingest import Ledger
from postings_ingest.queue.status import queue_status
from tests.support.cli import Command
from tests.support.jsonl import write_jsonl
from tests.support.worker import environment_of, until

RECORDS = [{"id": "a", "text": "one"}, {"id": "b", "text": "two", "_id": "c"}, {"id": "a", "text": "three"}]


def test_duplicates_and_what_is_left_out_are_reported(settings: Settings, ledger: Ledger, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "x.jsonl", RECORDS)
    command = Command(tmp_path, "ingest", "--queue", "--no-wait", "--json", source, env=environment_of(settings))
    ran = command.ended()
    assert ran.status == 0, ran.err
    report = ran.json
    assert (report["submitted"], report["duplicates"], report["rejected"]) == (3, 1, 0)
    # What became of the others, only the workers know.
    assert report["details"] == {"duplicates": [{"id": "a", "first": f"{source}:1", "again": f"{source}:3"}]}
    assert report["error"] is None
    assert report["left_out"]["fields"] == {"_id": 1}
    assert f"duplicate: 'a' at {source}:3 came first at {source}:1; the newest or last is kept" in ran.err.splitlines()


def test_what_a_source_gave_before_it_failed_is_queued(settings: Settings, ledger: Ledger, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "x.jsonl", RECORDS)
    broken = tmp_path / "y.csv"
    broken.write_text("no,header\n")
    command = Command(tmp_path, "ingest", "--queue", "--no-wait", source, broken, env=environment_of(settings))
    ran = command.ended()
    assert (ran.status, ran.out) == (1, "")
    assert "y.csv: expected the columns 'id' and 'text' in the first line, got ['no', 'header']: if they" in ran.err
    assert "say which with --id-field, --text-field and --title-field" in ran.err
    assert queue_status(ledger).queued == 3


def test_a_failure_is_reported_to_programs_with_all_that_was_queued_before(
    settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    source = write_jsonl(tmp_path / "x.jsonl", RECORDS)
    broken = tmp_path / "y.csv"
    broken.write_text("no,header\n")
    command = Command(tmp_path, "ingest", "--queue", "--json", source, broken, env=environment_of(settings))
    ran = command.ended()
    assert ran.status == 1, ran.err
    report = ran.json
    assert "y.csv: expected the columns 'id' and 'text'" in report["error"]
    assert (report["submitted"], report["duplicates"]) == (3, 1)
    counts = ledger.counts(report["job"])
    assert counts is not None
    assert counts.submitted == 3


def test_a_failure_before_anything_came_is_reported_as_without_a_queue(
    settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    for options in ([], ["--queue"]):
        command = Command(
            tmp_path, "ingest", *options, "--json", tmp_path / "nowhere.jsonl", env=environment_of(settings)
        )
        ran = command.ended()
        assert (ran.status, ran.out) == (1, "")
        assert "nowhere.jsonl" in ran.err


def test_ctrl_c_while_workers_are_waited_for_is_reported_to_programs(
    settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    source = write_jsonl(tmp_path / "x.jsonl", RECORDS)
    command = Command(tmp_path, "ingest", "--queue", "--json", source, env=environment_of(settings))
    until(lambda: "no worker is alive" in command.err, "nothing is said")
    until(lambda: queue_status(ledger).queued == 3, "nothing was queued")
    command.send_signal(signal.SIGINT)
    ran = command.ended()
    assert ran.status == 130
    report = ran.json
    assert (report["error"], report["submitted"]) == ("interrupted", 3)
    assert report["job"] in ran.err
