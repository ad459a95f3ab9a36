"""What is left after a process dies, is interrupted, or runs out of disk: everything that was acknowledged, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from postings import EdgeIndex, Encoder, Settings, open_index
from postings.errors import StorageFull
from postings.index.collection_size import collection_size
from postings.index.payload import passage_from
from postings_ingest import Pipeline, read_documents
from tests.support.cli import start
from tests.support.indexes import MODEL, point
from tests.support.small_disks import mounted

DOCUMENTS = 1200
FIRST_BATCH = 256
PADDING = "x" * 3000
"""One word of the vocabulary at most: it fills the pipe, not the encoder."""


def line(number: int) -> bytes:
    row = {"id": str(number), "text": f"Document {number} is about lions.", "version": 1, "padding": PADDING}
    return json.dumps(row).encode() + b"\n"


def feed_beyond_the_first_batch(stdin: IO[bytes]) -> None:
    """Write until it is certain that the first 256 documents were written to the index.

    A pipe holds 64 KiB and its reader a few more, 256 documents wait to be encoded, and 256 are: when four times as
    many have left our hands, the others are acknowledged.
    """
    for number in range(4 * FIRST_BATCH):
        stdin.write(line(number))
        stdin.flush()


def ingest_from_stdin(folder: Path) -> subprocess.Popen[bytes]:
    return start("ingest", "-", "--index", folder, stdin=subprocess.PIPE)


def documents(folder: Path) -> list[str]:
    with EdgeIndex(folder) as index:
        passages = [passage_from(stored.payload) for stored in index.scroll()]
    assert all(passage.text == f"Document {passage.doc_id} is about lions." for passage in passages)
    return [passage.doc_id for passage in passages]


def test_a_killed_ingest_keeps_what_was_acknowledged_and_is_completed_by_the_next(
    tmp_path: Path, encoder: Encoder
) -> None:
    process = ingest_from_stdin(tmp_path / "index")
    assert process.stdin
    feed_beyond_the_first_batch(process.stdin)
    process.kill()
    process.communicate()

    kept = documents(tmp_path / "index")
    assert {str(number) for number in range(FIRST_BATCH)} <= set(kept)
    assert len(kept) == len(set(kept))

    source = tmp_path / "all.jsonl"
    source.write_bytes(b"".join(map(line, range(DOCUMENTS))))
    with open_index(Settings(index_url=str(tmp_path / "index"))) as index:
        report = Pipeline(encoder, index).run(read_documents(str(source), reject=pytest.fail))
    assert report.indexed == DOCUMENTS
    assert sorted(documents(tmp_path / "index"), key=int) == [str(number) for number in range(DOCUMENTS)]


def test_an_interrupted_ingest_says_how_far_it_came(tmp_path: Path) -> None:
    process = ingest_from_stdin(tmp_path / "index")
    assert process.stdin
    feed_beyond_the_first_batch(process.stdin)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == b""
    assert b"Traceback" not in err
    said = int(err.split()[1])
    assert err.decode() == f"interrupted: {said} documents kept in the collection; run it again to go on\n"
    assert FIRST_BATCH <= said <= len(documents(tmp_path / "index"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 220 MiB."""
    with mounted(tmp_path / "disk", 220) as folder:
        yield folder


def test_a_full_disk_is_reported_before_the_engine_meets_it_and_nothing_is_lost(small_disk: Path) -> None:
    acknowledged = 0
    with EdgeIndex(small_disk) as index:
        index.ensure(MODEL, "test model")
        with pytest.raises(StorageFull, match=r"MiB are free on the disk, but a write needs 128 MiB"):  # noqa: PT012
            while True:
                batch = [point(str(acknowledged + n), filler=os.urandom(2000).hex()) for n in range(100)]
                index.upsert(batch)
                acknowledged += len(batch)
        assert collection_size(index).documents == acknowledged > 0
    with EdgeIndex(small_disk) as index:
        assert collection_size(index).documents == acknowledged


def test_a_full_disk_is_one_line_on_the_command_line(small_disk: Path, tmp_path: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(150 * 2**20))
    source = tmp_path / "one.jsonl"
    source.write_bytes(line(1))
    process = start("ingest", source, "--index", small_disk / "index")
    out, err = process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert b"MiB are free on the disk" in err
    assert err.count(b"\n") == 1
