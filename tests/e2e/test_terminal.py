"""What the command does where its output can't go, or can't show a letter, and where it is interrupted early."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from postings import Document, EdgeIndex, Encoder
from postings_ingest import Pipeline

COMMAND = [sys.executable, "-c", "from postings_cli.main import main; main()"]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}


@pytest.fixture(scope="module")
def index(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> str:
    url = str(tmp_path_factory.mktemp("index"))
    with EdgeIndex(url) as index:
        Pipeline(encoder, index).run([Document("é", "naïve prey", title="Zürich 東京")])
    return url


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["info"], ["info", "--json"], ["search", "prey"]])
def test_a_full_stdout_is_one_line(index: str, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [*COMMAND, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "POSTINGS_INDEX_URL": index},
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (1, "error: the output can't be written: No space left on device\n")


def test_a_closed_stdout_is_one_line(index: str) -> None:
    closing = f"import os; os.close(1); os.execv({sys.executable!r}, {[*COMMAND, 'info', '--index', index]!r})"
    ran = subprocess.run([sys.executable, "-c", closing], stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "error: the output can't be written: stdout is closed\n")


def test_whoever_reads_may_stop(index: str) -> None:
    with subprocess.Popen(
        [*COMMAND, "search", "prey", "--index", index], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_letters_that_a_terminal_lacks_are_escaped(index: str) -> None:
    environment = {**os.environ, **ASCII, "POSTINGS_INDEX_URL": index}
    shown, found = (
        subprocess.run([*COMMAND, "search", "prey", *options], capture_output=True, env=environment, check=True).stdout
        for options in ([], ["--json"])
    )
    assert rb"Z\xfcrich \u6771\u4eac" in shown
    assert found.isascii()
    assert json.loads(found)["hits"][0]["title"] == "Zürich 東京"


@pytest.mark.parametrize("module", ["postings_cli.stdout", "postings_cli.commands.info", "postings.encoder.encoder"])
def test_ctrl_c_while_the_command_is_loaded_is_one_line(module: str) -> None:
    code = f"""
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting())
from postings_cli.main import main
main()
"""
    ran = subprocess.run([sys.executable, "-c", code, "info"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize("variables", [{"XDG_CACHE_HOME": "/dev/null"}, {"XDG_CACHE_HOME": "", "HOME": "/nowhere"}])
def test_a_cache_that_cannot_be_written_is_done_without(index: str, variables: dict[str, str]) -> None:
    ran = subprocess.run(
        [*COMMAND, "search", "prey", "--index", index],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "prey" in ran.stdout
