"""SIGTERM and Ctrl-C, from the start of a service to its end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Ending:
    """What a service does when it is asked to end.

    A signal may come while it starts, serves or ends. The first is remembered, and the second ends at once what still
    runs; it never leaves processes behind.

    Attributes:
        drain: called at the first signal.
        hurry: called at the second.
        asked: whether the first has come.
    """

    def __init__(self) -> None:
        self.asked = False
        self.drain: Callable[[], object] = lambda: None
        self.hurry: list[Callable[[], object]] = []

    def ask(self) -> None:
        """Drain, or hurry."""
        if not self.asked:
            self.asked = True
            self.drain()
        elif self.hurry:
            for each in self.hurry:
                each()
        else:
            raise KeyboardInterrupt  # it starts, and nothing but the main thread waits


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
