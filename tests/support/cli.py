"""The command line, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from postings_cli.main import run


@dataclass(frozen=True)
class Ran:
    """What a command left: exit status, standard output and standard error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Cli:
    """Runs commands on one index."""

    def __init__(self, folder: Path | str, captured: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._captured = captured

    def __call__(self, *arguments: str | Path) -> Ran:
        self._captured.readouterr()
        command, *rest = map(str, arguments)
        status = run([command, *rest, "--index", str(self.folder)])
        printed = self._captured.readouterr()
        return Ran(status, printed.out, printed.err)


def start(
    *arguments: str | Path, stdin: int | None = None, env: Mapping[str, str] = os.environ
) -> subprocess.Popen[bytes]:
    """Start a command in a process of its own."""
    script = Path(sys.executable).parent / "postings"
    return subprocess.Popen(
        [str(script), *map(str, arguments)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**env, "COLUMNS": "200"},
    )
