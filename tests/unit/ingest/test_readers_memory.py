"""Reading needs no more memory for a larger file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.reading import GOOD, write

MEASURE = """
import re, sys
from postings_ingest import estimate_documents, read_documents
def most_memory():
    # In MiB. The resource module's figure would begin with that of the process that started this one.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024
for _ in read_documents(sys.argv[1], print):  # what the first read needs is not counted
    pass
before = most_memory()
estimate_documents(sys.argv[2])
documents = rejections = 0
def reject(rejection):
    global rejections
    rejections += 1
for document in read_documents(sys.argv[2], reject):
    documents += 1
print(documents, rejections, most_memory() - before)
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc/self/status")


@needs_proc
@pytest.mark.parametrize(
    ("name", "begin", "record", "documents", "rejected"),
    [
        ("a.jsonl", "", '{"id": "a", "text": "%s"}\n' % ("x" * 9_976), 10_000, 0),
        ("one-line.jsonl", "", "x" * 10_000, 0, 1),
        ("a.csv", "id,text\n", f"a,{'x' * 9_997}\n", 10_000, 0),
        ("one-line.csv", "id,text\n", "x" * 10_000, 0, 1),
        ("typed.csv", "id,text,year\n", f"a,{'x' * 9_992},2020\n", 10_000, 0),
        ("a.json", "", '{"id": "a", "text": "%s"}\n' % ("x" * 9_976), 10_000, 0),
        ("one-value.json", "", "{" + "x" * 9_999, 0, 1),
        ("never-closed.csv", 'id,text\nbad,"\n', f"a,{'x' * 9_997}\n", 10_000, 1),
    ],
)
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, name: str, begin: str, record: str, documents: int, rejected: int
) -> None:
    small = write(tmp_path / f"small-{name}", "id,text\na,x\n" if begin else GOOD)
    large = tmp_path / name
    with large.open("w") as file:
        file.write(begin)
        for _ in range(10_000):
            file.write(record)
    assert read_in_bounded_memory(small, large) == (documents, rejected)


@needs_proc
@pytest.mark.parametrize("row_group", [1000, 20_000])
def test_memory_does_not_grow_with_a_parquet_file(tmp_path: Path, row_group: int) -> None:
    import pyarrow
    from pyarrow import parquet

    texts = [f"{number} {'x' * 9_990}" for number in range(20_000)]
    table = pyarrow.table({"id": list(map(str, range(20_000))), "text": texts})
    options: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    parquet.write_table(table.slice(0, 1), tmp_path / "small.parquet", **options)
    parquet.write_table(table, tmp_path / "large.parquet", row_group_size=row_group, **options)
    assert read_in_bounded_memory(str(tmp_path / "small.parquet"), tmp_path / "large.parquet") == (20_000, 0)


def read_in_bounded_memory(small: str, large: Path) -> tuple[int, int]:
    size = large.stat().st_size / 2**20
    assert size > 94
    try:
        run = subprocess.run([sys.executable, "-c", MEASURE, small, large], capture_output=True, check=True)
    finally:
        large.unlink()  # pytest keeps the folder for a while
    documents, rejections, growth = map(int, run.stdout.split())
    assert growth < 0.7 * size
    return documents, rejections
