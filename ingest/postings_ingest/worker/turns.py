"""Batches that may kill the worker run alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Lets many threads in at once, or one alone.

    A batch that was delivered before may be what killed its worker. If another one ran beside it, its death would
    be blamed on that one too.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._alone = False
        self._waiting_alone = 0

    @contextmanager
    def take(self, *, alone: bool) -> Iterator[None]:
        """Wait for a turn."""
        with self._changed:
            # Whoever wants to be alone bars those that come later: else it would never find the others gone.
            self._changed.wait_for(lambda: alone or not self._waiting_alone)
            self._waiting_alone += alone
            self._changed.wait_for(lambda: not self._alone and not (alone and self._inside))
            self._waiting_alone -= alone
            self._inside += 1
            self._alone = alone
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._alone = False
                self._changed.notify_all()
