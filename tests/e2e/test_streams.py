"""A command whose output can't be written says so in one line, and an encoding that lacks a character ends nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).parent / "postings"


def piped(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell, in which ``$P`` is the command."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={**os.environ, "P": str(COMMAND), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def indexed(tmp_path: Path) -> Path:
    (tmp_path / "notes.jsonl").write_text('{"id": "1", "text": "A man eats in a caf\\u00e9"}\n')
    assert piped("$P ingest notes.jsonl --index data", tmp_path).returncode == 0
    return tmp_path


@pytest.mark.parametrize("command", ["search man --index data", "search man --json --index data", "--help"])
def test_a_full_disk_behind_standard_output_is_one_line(indexed: Path, command: str) -> None:
    ran = piped(f"$P {command} > /dev/full", indexed)
    assert ran.stderr == "error: standard output can't be written: No space left on device\n"
    assert ran.returncode == 1


def test_a_closed_standard_output_is_one_line(indexed: Path) -> None:
    ran = piped("$P search man --index data >&-", indexed)
    assert (ran.returncode, ran.stderr) == (1, "error: standard output is closed\n")


def test_a_reader_that_goes_is_no_error(indexed: Path) -> None:
    ran = piped("$P search man --json --index data | head -1", indexed)
    assert ran.stderr == ""


def test_an_encoding_without_the_character_shows_its_code(indexed: Path) -> None:
    ran = piped("$P search man --index data", indexed, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert ran.returncode == 0
    assert "caf\\xe9" in ran.stdout
