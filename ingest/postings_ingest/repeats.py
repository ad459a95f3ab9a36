"""Warnings that come again and again: the first is logged, then one now and then with their number, and the end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

_FIRST_SECONDS, _LONGEST_SECONDS = 10.0, 600.0


@dataclass(slots=True)
class _Trouble:
    began: float
    due: float
    times: int = 0
    pause: float = _FIRST_SECONDS


class Repeats:
    """Logs a trouble that lasts: at once, with its number after 10 s, 20 s more, 40 s more and so on, and its end.

    Args:
        log: where to.
        level: of each line.
        clock: in seconds.

    Example::

        repeats = Repeats(log)
        while not sent():
            repeats.again("redis", "Redis can't be reached: %s", error)
        repeats.over("redis", "Redis answers again")
    """

    def __init__(
        self, log: logging.Logger, level: int = logging.WARNING, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._clock = clock
        self._level = level
        self._lock = threading.Lock()
        self._troubles: dict[Hashable, _Trouble] = {}

    def again(self, key: Hashable, message: str, *arguments: object, exc_info: bool = False) -> None:
        """Something went wrong, for the first time or once more.

        Args:
            key: the same for what is the same trouble, though its words differ.
            message: for the log, as ``logging`` takes it.
            arguments: likewise.
            exc_info: likewise.
        """
        now = self._clock()
        with self._lock:
            trouble = self._troubles.setdefault(key, _Trouble(began=now, due=now))
            trouble.times += 1
            if now < trouble.due:
                return
            if trouble.times > 1:
                message += " (%d times in %.0f s)"
                arguments = (*arguments, trouble.times, now - trouble.began)
                trouble.pause = min(2 * trouble.pause, _LONGEST_SECONDS)
            trouble.due = now + trouble.pause
        self._log.log(self._level, message, *arguments, exc_info=exc_info)

    def over(self, key: Hashable, message: str, *arguments: object) -> None:
        """It works; logged where it didn't before."""
        with self._lock:
            trouble = self._troubles.pop(key, None)
        if trouble is not None:
            seconds = self._clock() - trouble.began
            self._log.log(self._level, f"{message}, after %.0f s", *arguments, seconds)

    def all_over(self, message: str, *arguments: object) -> None:
        """Everything works; one line for all that didn't."""
        with self._lock:
            began = min((trouble.began for trouble in self._troubles.values()), default=None)
            self._troubles.clear()
        if began is not None:
            self._log.log(self._level, f"{message}, after %.0f s", *arguments, self._clock() - began)
