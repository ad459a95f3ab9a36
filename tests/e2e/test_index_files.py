"""A process is killed while its embedded engine writes index files."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

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
