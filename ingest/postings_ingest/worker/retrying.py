"""Retrying calls that fail for other reasons than a document."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from postings.errors import IndexRejected, InvalidInput, PostingsError
from postings_ingest.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_DOCUMENTS_FAULT = (InvalidInput, IndexRejected)

T = TypeVar("T")


class Stopping(Exception):
    """The worker was asked to stop while it waited for a retry."""


class ModelBroken(Stopping):
    """The model fails, for example after a GPU error, so the worker must be restarted.

    Args:
        reason: what happened.
        documents_fault: whether the documents in flight may be the cause, so that this delivery of them counts.
    """

    def __init__(self, reason: str, *, documents_fault: bool = False) -> None:
        super().__init__(reason)
        self.documents_fault = documents_fault


class Retrier:
    """Retries calls with growing, random pauses, until they succeed or the worker is asked to stop.

    It retries errors that may pass (the index or Redis can't be reached, the disk is full) and errors that an operator
    has to correct (a wrong key, another model's collection). Errors that are a document's fault are raised.

    Args:
        stopping: set when the worker is asked to stop.

    Attributes:
        troubles: by thread, why its call is being retried.
        pausing: the threads that wait for their next attempt, so they don't hang.
        tries: by thread, how many attempts it has made: each is progress.
    """

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._throttled = ThrottledLog(log)
        self.troubles: dict[int, str] = {}
        self.pausing: set[int] = set()
        self.tries: Counter[int] = Counter()

    def call(self, attempt: Callable[[], T]) -> T:
        """Call until it succeeds, or raises an error that is a document's fault.

        Raises:
            Stopping: it failed, and the worker was asked to stop.
            Exception: an error that is a document's fault.
        """
        return self._call(attempt, lambda error: not isinstance(error, _DOCUMENTS_FAULT))

    def call_at_start(self, attempt: Callable[[], T]) -> T:
        """Call until it succeeds, or raises an error that doesn't pass by itself: an operator should see it at once.

        Raises:
            Stopping: it failed, and the worker was asked to stop.
            PostingsError: an error that doesn't pass by itself.
        """
        return self._call(attempt, lambda error: error.retry)

    def _call(self, attempt: Callable[[], T], retries: Callable[[PostingsError], bool]) -> T:
        thread, pause = threading.get_ident(), _FIRST_PAUSE
        outer = self.troubles.get(thread)  # that of a call around this one, which clears it itself
        try:
            while True:
                self.tries[thread] += 1
                try:
                    return attempt()
                except PostingsError as error:
                    if not retries(error):
                        raise
                    self.troubles[thread] = str(error)
                    self._throttled.warn(type(error).__name__, "waiting to retry: %s", error)
                    if self._pause(thread, pause):
                        raise Stopping from error
                    pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            if outer is None:
                self.troubles.pop(thread, None)
            else:
                self.troubles[thread] = outer
            if not self.troubles and not self._stopping.is_set():
                self._throttled.all_recovered("working again")

    def wait(self, seconds: float) -> bool:
        """Wait; returns whether the worker was asked to stop."""
        return self._stopping.wait(seconds)

    def _pause(self, thread: int, seconds: float) -> bool:
        """Wait; returns whether the worker was asked to stop."""
        self.pausing.add(thread)
        try:
            # Random, so that workers that failed together don't retry together.
            return self._stopping.wait(seconds * random.uniform(0.5, 1))  # noqa: S311
        finally:
            self.pausing.discard(thread)
