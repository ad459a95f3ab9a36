"""A process is killed while its embedded engine writes index files."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from postings import EdgeIndex, SparseVector
from postings.index import SearchRequest
from tests.integration.test_index_files import MODEL, small_index_files

__all__ = ["small_index_files"]

WRITES = """
import sys
from postings import EdgeIndex
from postings.index.embedded import open_folder, optimizing
from postings.words import WordsConfig
from tests.integration.test_index_files import LOWERED_KB, MODEL, written

optimizing.SETTINGS |= {"indexing_threshold": LOWERED_KB, "max_segment_size": 8 * LOWERED_KB}
open_folder.FLUSH_AFTER = 250
with EdgeIndex(sys.argv[1]) as index:
    index.ensure(MODEL, "tiny", WordsConfig(average_length=8.0))
    for call in range(1000):
        index.upsert([written(100 * call + number) for number in range(100)])
        index.upsert([written(100 * call + number, version=2) for number in range(30)])
        print(call, flush=True)
"""

REVISIONS = """
import itertools, json, random, sys, time
from postings import EdgeIndex
from postings.index.embedded import open_folder, optimizing
from postings.write_protocol import write
from tests.contract.test_writes import revision
from tests.integration.test_index_files import MODEL

optimizing.SETTINGS |= {"indexing_threshold": 20, "max_segment_size": 60}
open_folder.FLUSH_AFTER = 700
random = random.Random(int(sys.argv[2]))
versions = itertools.count(time.time_ns() // 1_000_000)
with EdgeIndex(sys.argv[1]) as index:
    index.ensure(MODEL, "tiny")
    while True:
        some = [(str(random.randrange(900)), next(versions), random.randrange(5)) for _ in range(random.randint(1, 60))]
        write(index, [revision(*each) for each in some])
        print(json.dumps(some), flush=True)
        if random.random() < 0.1:
            index.optimize()
"""


def test_kills_between_flushes_lose_no_revision_that_was_written(tmp_path: Path) -> None:
    written: dict[str, tuple[int, int]] = {}
    for attempt in range(4):
        command = [sys.executable, "-c", REVISIONS, str(tmp_path), str(attempt)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            batches = [process.stdout.readline()]
            time.sleep(random.Random(attempt).random())
            process.kill()
            batches += process.stdout
        for doc_id, *revision in itertools.chain.from_iterable(map(json.loads, batches)):
            written[doc_id] = tuple(revision)
        stored: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        with EdgeIndex(tmp_path) as index:
            for each in index.scroll():
                stored[each.payload["doc_id"]].append(each.payload)
            live = sum("deleted_at" not in payload for payloads in stored.values() for payload in payloads)
            assert len(index.search(SearchRequest(SparseVector([1], [1.0]), MODEL, limit=9000))) == live
        for doc_id, (version, passages) in written.items():
            (head,) = (payload for payload in stored[doc_id] if payload["ordinal"] == 0)
            # The last batch before the kill may be written, whole or in part, without having been acknowledged.
            assert head["version"] >= version
            if head["version"] == version:
                assert {payload["version"] for payload in stored[doc_id]} == {version}
                assert len(stored[doc_id]) == max(passages, 1)


@pytest.mark.parametrize("attempt", range(4))
def test_a_kill_while_index_files_are_written_loses_nothing_and_doubles_nothing(tmp_path: Path, attempt: int) -> None:
    segments = tmp_path / "documents" / "shard" / "segments"
    with subprocess.Popen([sys.executable, "-c", WRITES, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        calls = [process.stdout.readline() for _ in range(3 + 7 * attempt)]
        known = set(segments.glob("*"))
        while set(segments.glob("*")) <= known:  # until another segment is being written
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(random.Random(attempt).random() / 10)
        process.kill()
        last = int([*calls, *process.stdout][-1])
    with EdgeIndex(tmp_path) as index:
        stored = {each.payload["doc_id"]: each.payload["version"] for each in index.scroll()}
        everything = SearchRequest(SparseVector(list(range(200)), [1.0] * 200), MODEL, limit=2 * len(stored))
        assert len(stored) == index.count() == len(index.search(everything))
        expected = {str(n): 2 if n % 100 < 30 else 1 for n in range(100 * (last + 1))}
        assert expected.items() <= stored.items()
    with EdgeIndex(tmp_path) as index:
        index.optimize()
        assert {each.payload["doc_id"]: each.payload["version"] for each in index.scroll()} == stored
    assert not list(segments.parent.glob("temp_segments/*"))
