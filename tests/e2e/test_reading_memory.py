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
    ("name", "begin", "record", "records", "read", "rejected", "most"),
    [
        ("a.jsonl", "", '{"id": "a", "text": "%s"}\n' % ("x" * 9_976), 4_000, True, 0, 8),
        ("one-line.jsonl", "", "x" * 10_000, 8_000, False, 1, 48),
        ("a.csv", "id,text\n", f"a,{'x' * 9_997}\n", 4_000, True, 0, 8),
        ("one-line.csv", "id,text\n", "x" * 10_000, 8_000, False, 1, 48),
        ("typed.csv", "id,text,year\n", f"a,{'x' * 9_992},2020\n", 4_000, True, 0, 8),
        ("a.json", "", '{"id": "a", "text": "%s"}\n' % ("x" * 9_976), 4_000, True, 0, 8),
        ("one-value.json", "", "{" + "x" * 9_999, 8_000, False, 1, 25),
        ("never-closed.csv", 'id,text\nbad,"\n', f"a,{'x' * 9_997}\n", 8_000, True, 1, 60),
    ],
)
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, name: str, begin: str, record: str, records: int, read: bool, rejected: int, most: int
) -> None:
    small = write(tmp_path / f"small-{name}", "id,text\na,x\n" if begin else GOOD)
    large = tmp_path / name
    with large.open("w") as file:
        file.write(begin)
        for _ in range(records):
            file.write(record)
    assert read_in_bounded_memory(small, large, most) == (records if read else 0, rejected)


@needs_proc
@pytest.mark.parametrize(("row_group", "most"), [(1000, 100), (20_000, 128)])
def test_memory_does_not_grow_with_a_parquet_file(tmp_path: Path, row_group: int, most: int) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = 20_000
    texts = [f"{number} {'x' * 9_990}" for number in range(rows)]
    table = pyarrow.table({"id": list(map(str, range(rows))), "text": texts})
    options: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    parquet.write_table(table.slice(0, 1), tmp_path / "small.parquet", **options)
    parquet.write_table(table, tmp_path / "large.parquet", row_group_size=row_group, **options)
    assert read_in_bounded_memory(str(tmp_path / "small.parquet"), tmp_path / "large.parquet", most) == (rows, 0)


def read_in_bounded_memory(small: str, large: Path, most: int) -> tuple[int, int]:
    """Read the small file and then the large one; returns the numbers of documents and rejections in the large one.

    Args:
        most: MiB by which the second may need more, less than the file's 40, 80 or 200; about half as much again as was
            measured for files of any size.
    """
    try:
        run = subprocess.run([sys.executable, "-c", MEASURE, small, large], capture_output=True, check=True)
    finally:
        large.unlink()  # pytest keeps the folder for a while
    documents, rejections, growth = map(int, run.stdout.split())
    assert growth <= most
    return documents, rejections
