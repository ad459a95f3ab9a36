"""A log of failures that repeat: the first is logged, then one now and then with their number, and the recovery."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

_FIRST_SECONDS, _LONGEST_SECONDS = 10.0, 600.0


@dataclass(slots=True)
class _Failure:
    began: float
    due: float
    times: int = 0
    pause: float = _FIRST_SECONDS


class ThrottledLog:
    """Logs a failure at once, then with its number after 10 s, 20 s more, 40 s more and so on, and its recovery.

    Args:
        log: the logger.
        clock: the time in seconds.

    Example::

        throttled = ThrottledLog(log)
        while not sent():
            throttled.warn("redis", "Redis can't be reached: %s", error)
        throttled.recovered("redis", "Redis answers again")
    """

    def __init__(self, log: logging.Logger, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[Hashable, _Failure] = {}

    def warn(self, key: Hashable, message: str, *arguments: object, exc_info: bool = False) -> None:
        """Log a failure, unless it was logged a short time ago.

        Args:
            key: the same for the same failure, even if its message differs.
            message: the message, as for ``logging``.
            arguments: its arguments.
            exc_info: whether to log the traceback.
        """
        now = self._clock()
        with self._lock:
            failure = self._failures.setdefault(key, _Failure(began=now, due=now))
            failure.times += 1
            if now < failure.due:
                return
            if failure.times > 1:
                message += " (%d times in %.0f s)"
                arguments = (*arguments, failure.times, now - failure.began)
                failure.pause = min(2 * failure.pause, _LONGEST_SECONDS)
            failure.due = now + failure.pause
        self._log.warning(message, *arguments, exc_info=exc_info)

    def recovered(self, key: Hashable, message: str, *arguments: object) -> None:
        """Log a recovery, if there was a failure before."""
        with self._lock:
            failure = self._failures.pop(key, None)
        if failure is not None:
            seconds = self._clock() - failure.began
            self._log.warning(f"{message}, after %.0f s", *arguments, seconds)

    def all_recovered(self, message: str) -> None:
        """Log the recovery from all failures, in one line."""
        with self._lock:
            began = min((failure.began for failure in self._failures.values()), default=None)
            self._failures.clear()
        if began is not None:
            self._log.warning(f"{message}, after %.0f s", self._clock() - began)
