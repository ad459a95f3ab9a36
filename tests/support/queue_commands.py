"""The commands of the queue in processes of their own, and what they print."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

POSTINGS = str(Path(sys.executable).with_name("postings"))
Start = Callable[..., "subprocess.Popen[str]"]


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def done(process: subprocess.Popen[str], status: int = 0) -> str:
    out, err = process.communicate(timeout=90)
    assert process.returncode == status, out + err
    return out + err


def json_of(process: subprocess.Popen[str]) -> Any:
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, out + err
    return json.loads(out)


def status(start: Start) -> dict[str, Any]:
    found: dict[str, Any] = json_of(start("status", "--json"))
    return found
