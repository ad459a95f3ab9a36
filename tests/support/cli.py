"""The command line, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from postings_cli.main import main, run
from tests.support.forkserver import forked, settle


@dataclass(frozen=True)
class Ran:
    """What a command left: exit status, standard output and standard error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def ran(captured: pytest.CaptureFixture[str], *arguments: str | Path) -> Ran:
    """Run a command in this process."""
    captured.readouterr()
    status = run(list(map(str, arguments)))
    printed = captured.readouterr()
    return Ran(status, printed.out, printed.err)


class Cli:
    """Runs commands on one index."""

    def __init__(self, folder: Path | str, captured: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._captured = captured

    def __call__(self, *arguments: str | Path) -> Ran:
        return ran(self._captured, *arguments, "--index", str(self.folder))


def json_commands(captured: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs commands, which must succeed, and gives what they print as JSON."""

    def command(*arguments: str | Path) -> Any:
        done = ran(captured, *arguments, "--json")
        assert done.status == 0, done.err
        return done.json

    return command


class Command:
    """A command in a process of its own, forked from one that has imported its libraries.

    Args:
        folder: where files with its output are put.
        arguments: its command line.
        env: its environment.
    """

    def __init__(self, folder: Path, *arguments: str | Path, env: Mapping[str, str] = os.environ) -> None:
        here = Path(tempfile.mkdtemp(dir=folder))
        self._out, self._err = here / "out", here / "err"
        self._out.touch()
        self._err.touch()
        environment = {**env, "COLUMNS": "200"}
        self._process = forked(_run, list(map(str, arguments)), self._out, self._err, environment=environment)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def out(self) -> str:
        """What it has written to stdout up to now."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """What it has written to stderr up to now."""
        return self._err.read_text()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, unless it has ended."""
        self._process.kill()
        self._process.join()

    def ended(self) -> Ran:
        """Wait until it has ended."""
        self._process.join(90)
        assert self._process.exitcode is not None, f"it runs on: {self.out}{self.err}"
        return Ran(self._process.exitcode, self.out, self.err)


def _run(arguments: list[str], out: Path, err: Path) -> None:
    """Become the command."""
    settle(Path.cwd(), out, err)
    sys.argv = ["postings", *arguments]
    main()


def start(
    *arguments: str | Path, stdin: int | None = None, env: Mapping[str, str] = os.environ
) -> subprocess.Popen[bytes]:
    """Start a command as users do; for tests that write to its stdin."""
    script = Path(sys.executable).parent / "postings"
    return subprocess.Popen(
        [str(script), *map(str, arguments)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**env, "COLUMNS": "200"},
    )
