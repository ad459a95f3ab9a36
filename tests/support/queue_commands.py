"""The commands of the queue in processes of their own, and what they print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil

from tests.support.cli import Command

Start = Callable[..., Command]


def children(command: Command) -> list[psutil.Process]:
    try:
        return psutil.Process(command.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def done(command: Command, status: int = 0) -> str:
    ran = command.ended()
    assert ran.status == status, ran.out + ran.err
    return ran.out + ran.err


def json_of(command: Command) -> Any:
    ran = command.ended()
    assert ran.status == 0, ran.out + ran.err
    return ran.json


def status(start: Start) -> dict[str, Any]:
    found: dict[str, Any] = json_of(start("status", "--json"))
    return found
