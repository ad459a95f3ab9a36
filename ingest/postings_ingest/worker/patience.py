"""Waiting while an error may pass."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import TypeVar

from postings.errors import IndexRejected, InvalidInput, PostingsError

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 15.0
_BLAMED = (InvalidInput, IndexRejected)

T = TypeVar("T")


class Stopping(Exception):
    """The worker was asked to stop while it waited."""


class Broken(Stopping):
    """The model fails, as after an error of the GPU; a process started anew may do better.

    Args:
        reason: in words.
        blames: whether the documents in hand may be the cause, so that this delivery of them counts.
    """

    def __init__(self, reason: str, *, blames: bool = False) -> None:
        super().__init__(reason)
        self.blames = blames


class Patience:
    """Calls again, after pauses that grow and vary, what something around the documents makes fail.

    That is what may pass (the index or Redis is away, the disk is full), and what an operator has to mend (a wrong
    key, another model's collection): a document is blamed for neither.

    Args:
        stopping: set when the worker is asked to stop.
    """

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self.troubles: dict[int, str] = {}
        """What each waiting thread waits for."""

    def call(self, attempt: Callable[[], T]) -> T:
        """Call until it succeeds, or fails for good; at least once.

        Raises:
            Stopping: it failed, and the worker was asked to stop.
            Exception: whatever a document is to blame for.
        """
        return self._call(attempt, lambda error: not isinstance(error, _BLAMED))

    def start(self, attempt: Callable[[], T]) -> T:
        """The same while the worker starts, when what an operator has to mend shouldn't be waited for.

        Raises:
            Stopping: it failed, and the worker was asked to stop.
            PostingsError: whatever doesn't pass by itself.
        """
        return self._call(attempt, lambda error: error.retry)

    def _call(self, attempt: Callable[[], T], may_pass: Callable[[PostingsError], bool]) -> T:
        pause = _FIRST_PAUSE
        while True:
            try:
                result = attempt()
            except PostingsError as error:
                if not may_pass(error):
                    raise
                self.troubles[threading.get_ident()] = str(error)
                log.warning("waiting, then trying again: %s", error)
                # Workers that failed together shouldn't come back together.
                if self._stopping.wait(pause * random.uniform(0.5, 1)):  # noqa: S311
                    raise Stopping from error
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self.troubles.pop(threading.get_ident(), None)
                return result
