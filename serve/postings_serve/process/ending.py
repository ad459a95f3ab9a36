"""SIGTERM and Ctrl-C, from the start of a service to its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn


class Ending:
    """What a service does when it is asked to end.

    A signal may come while it starts, serves or ends. At the first, it finishes what it has begun. At the second, it
    ends, whatever its threads do, and leaves no processes behind.

    Attributes:
        drain: called at the first signal.
        kill: called before the process ends at once, for what it has started.
        asked: whether the first has come.
    """

    def __init__(self) -> None:
        self.asked = False
        self.drain: Callable[[], object] = lambda: None
        self.kill: list[Callable[[], object]] = []

    def ask(self) -> None:
        """Drain; a second time, end at once."""
        if self.asked:
            self.now()
        self.asked = True
        self.drain()

    def now(self) -> NoReturn:
        """End at once, with status 1."""
        try:
            for each in self.kill:
                each()
        finally:
            os._exit(1)  # Python would wait for threads


@contextmanager
def ended_by_signals() -> Iterator[Ending]:
    """Let SIGTERM and Ctrl-C end what runs in a block; only in the main thread."""
    ending = Ending()

    def handle(*_: object) -> None:
        ending.ask()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
