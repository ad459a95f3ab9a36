"""Waiting while an error may pass."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from postings.errors import IndexRejected, InvalidInput, PostingsError
from postings_ingest.repeats import Repeats

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_BLAMED = (InvalidInput, IndexRejected)

T = TypeVar("T")


class Stopping(Exception):
    """The worker was asked to stop while it waited."""


class Broken(Stopping):
    """The model fails, as after an error of the GPU; a process started anew may do better.

    Args:
        reason: in words.
        blames: whether the documents in flight may be the cause, so that this delivery of them counts.
    """

    def __init__(self, reason: str, *, blames: bool = False) -> None:
        super().__init__(reason)
        self.blames = blames


class Patience:
    """Calls again, after pauses that grow and vary, what something around the documents makes fail.

    That is what may pass (the index or Redis is away, the disk is full), and what an operator has to correct (a wrong
    key, another model's collection): a document is blamed for neither.

    Args:
        stopping: set when the worker is asked to stop.
    """

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._repeats = Repeats(log)
        self.troubles: dict[int, str] = {}
        """What each thread tries again for, from its first failure until its call ends, however it does."""
        self.pausing: set[int] = set()
        """Threads that wait between two attempts: they don't hang."""
        self.tries: Counter[int] = Counter()
        """How often each thread has tried: one that tries again gets on."""

    def call(self, attempt: Callable[[], T]) -> T:
        """Call until it succeeds, or fails for good; at least once.

        Raises:
            Stopping: it failed, and the worker was asked to stop.
            Exception: whatever a document is to blame for.
        """
        return self._call(attempt, lambda error: not isinstance(error, _BLAMED))

    def start(self, attempt: Callable[[], T]) -> T:
        """The same while the worker starts, when what an operator has to correct shouldn't be waited for.

        Raises:
            Stopping: it failed, and the worker was asked to stop.
            PostingsError: whatever doesn't pass by itself.
        """
        return self._call(attempt, lambda error: error.retry)

    def _call(self, attempt: Callable[[], T], may_pass: Callable[[PostingsError], bool]) -> T:
        thread, pause = threading.get_ident(), _FIRST_PAUSE
        around = self.troubles.get(thread)  # of a call that this one is a part of: not ours to clear
        try:
            while True:
                self.tries[thread] += 1
                try:
                    return attempt()
                except PostingsError as error:
                    if not may_pass(error):
                        raise
                    self.troubles[thread] = str(error)
                    self._repeats.again(type(error).__name__, "waiting, then trying again: %s", error)
                    if self._pause(thread, pause):
                        raise Stopping from error
                    pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            if around is None:
                self.troubles.pop(thread, None)
            else:
                self.troubles[thread] = around
            if not self.troubles and not self._stopping.is_set():
                self._repeats.all_over("working again")

    def _pause(self, thread: int, seconds: float) -> bool:
        """Wait; returns whether the worker was asked to stop."""
        self.pausing.add(thread)
        try:
            # Workers that failed together shouldn't come back together.
            return self._stopping.wait(seconds * random.uniform(0.5, 1))  # noqa: S311
        finally:
            self.pausing.discard(thread)
