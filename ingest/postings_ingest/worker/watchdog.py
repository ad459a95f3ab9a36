"""Ends a worker that hangs, so that its batches go to another."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import time
from collections.abc import Callable, Hashable

log = logging.getLogger(__name__)


class Watchdog:
    """Kills this process when it has work in hand and nothing has moved for too long.

    A thread can't be interrupted in native code, and its lease would be renewed for ever. Where each thread hung is
    written to standard error.

    Args:
        seconds: that are too long.
        moved: gives something else whenever the work has got on.
    """

    def __init__(self, seconds: float, moved: Callable[[], Hashable]) -> None:
        self._seconds = seconds
        self._moved = moved
        self._last: Hashable = None
        self._at = time.monotonic()

    def look(self, *, busy: bool) -> None:
        """Called now and then."""
        now, state = time.monotonic(), self._moved()
        if not busy or state != self._last:
            self._last, self._at = state, now
        elif now - self._at > self._seconds:
            log.critical("nothing has moved for %.0f s (POSTINGS_BATCH_SECONDS): the worker is killed", now - self._at)
            faulthandler.dump_traceback()
            os.kill(os.getpid(), signal.SIGKILL)
