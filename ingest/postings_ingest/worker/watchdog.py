"""Ends a worker that hangs, so that its batches go to another."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import time
from collections.abc import Hashable, Mapping

log = logging.getLogger(__name__)


class Watchdog:
    """Kills this process when a piece of work in flight hasn't moved for too long.

    A thread can't be interrupted in native code, and its lease would be renewed forever. Where each thread hung is
    written to standard error.

    Args:
        seconds: that are too long.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[Hashable, tuple[Hashable, float]] = {}

    def look(self, states: Mapping[Hashable, Hashable]) -> None:
        """Called now and then, with the state of each piece of work: something else whenever it has got on."""
        now, before = time.monotonic(), self._seen
        self._seen = {
            work: before[work] if work in before and before[work][0] == state else (state, now)
            for work, state in states.items()
        }
        still = max((now - since for _, since in self._seen.values()), default=0.0)
        if still > self._seconds:
            log.critical("a batch hasn't moved for %.0f s (POSTINGS_BATCH_SECONDS): the worker is killed", still)
            faulthandler.dump_traceback()
            os.kill(os.getpid(), signal.SIGKILL)
