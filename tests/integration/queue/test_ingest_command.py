"""`postings ingest --queue` says of a source what `postings ingest` says."""

from __future__ import annotations

import json
from pathlib import Path

from postings import Settings
from postings_ingest import Ledger
from postings_ingest.queue.status import queue_status
from tests.support.cli import start, write_jsonl
from tests.support.worker import environment_of

RECORDS = [{"id": "a", "text": "one"}, {"id": "b", "text": "two", "_id": "c"}, {"id": "a", "text": "three"}]


def test_duplicates_and_what_is_left_out_are_reported(settings: Settings, ledger: Ledger, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "x.jsonl", RECORDS)
    process = start("ingest", "--queue", "--no-wait", "--json", source, env=environment_of(settings))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert (report["submitted"], report["duplicates"], report["rejected"]) == (3, 1, 0)
    assert report["details"]["duplicates"] == [{"id": "a", "first": f"{source}:1", "again": f"{source}:3"}]
    assert report["left_out"]["fields"] == {"_id": 1}
    assert f"duplicate: 'a' at {source}:3 came first at {source}:1" in err.decode().splitlines()


def test_what_a_source_gave_before_it_failed_is_queued(settings: Settings, ledger: Ledger, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "x.jsonl", RECORDS)
    broken = tmp_path / "y.csv"
    broken.write_text("no,header\n")
    process = start("ingest", "--queue", "--no-wait", source, broken, env=environment_of(settings))
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, b"")
    assert b"y.csv: expected the columns 'id' and 'text'" in err
    assert queue_status(ledger).queued == 3
