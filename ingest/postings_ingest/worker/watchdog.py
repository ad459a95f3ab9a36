"""Kills a worker that hangs, so that its batches go to another."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import time
from collections.abc import Hashable, Mapping

log = logging.getLogger(__name__)


class Watchdog:
    """Kills this process when a batch in flight has made no progress for too long.

    A thread can't be interrupted in native code, and its lease would be renewed forever. The stacks of all threads are
    written to standard error before.

    Args:
        seconds: the longest time without progress.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[Hashable, tuple[Hashable, float]] = {}

    def look(self, states: Mapping[Hashable, Hashable]) -> None:
        """Compare the state of each batch in flight with the one before; call it now and then.

        Args:
            states: by batch, a value that changes with any progress.
        """
        now, before = time.monotonic(), self._seen
        self._seen = {
            work: before[work] if work in before and before[work][0] == state else (state, now)
            for work, state in states.items()
        }
        still = max((now - since for _, since in self._seen.values()), default=0.0)
        if still > self._seconds:
            log.critical("a batch made no progress for %.0f s (POSTINGS_BATCH_SECONDS): killing the worker", still)
            faulthandler.dump_traceback()
            os.kill(os.getpid(), signal.SIGKILL)
