"""Standard input and named pipes are read as streams."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path

from postings_ingest import estimate_documents
from tests.support.reading import GOOD, ids_and_lines

READ_STDIN = """
import json, sys
from postings_ingest import read_documents
for document in read_documents("-", lambda rejection: print(json.dumps(rejection.to_json()), flush=True)):
    print(document.id, flush=True)
"""


def test_json_lines_are_read_from_standard_input() -> None:
    run = subprocess.run(
        [sys.executable, "-c", READ_STDIN], input=b"nonsense\n" + GOOD, capture_output=True, check=True
    )
    rejection, good = run.stdout.splitlines()
    assert json.loads(rejection) == {
        "file": "-",
        "line": 1,
        "reason": "not JSON: Expecting value at column 1",
        "raw": "nonsense\n",
    }
    assert good == b"good"
    assert estimate_documents("-") is None


def test_a_document_comes_from_standard_input_before_the_next_is_written() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", READ_STDIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(GOOD)
            ready, _, _ = select.select([process.stdout], [], [], 60)
            assert ready
            assert process.stdout.readline() == b"good\n"
        process.stdin.close()
    assert process.returncode == 0


def test_closed_standard_input_is_reported() -> None:
    run = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" <&-', sys.executable, READ_STDIN], capture_output=True, check=False
    )
    assert b"ReaderError: - can't be read: standard input is closed" in run.stderr


def test_a_named_pipe_is_read_and_not_emptied_by_counting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    assert estimate_documents(str(pipe)) is None
    with subprocess.Popen(["sh", "-c", 'printf "%s\n" "$1" > "$0"', str(pipe), GOOD.decode().strip()]):
        assert ids_and_lines(pipe) == (["good"], [])
