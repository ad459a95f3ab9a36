"""A lock that many threads share, or one holds alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedExclusiveLock:
    """Lets batches run side by side, and a redelivered batch alone.

    A redelivered batch may have crashed its worker. If it ran beside another batch and crashed the worker again, the
    other one would be blamed, too.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders = 0
        self._exclusive = False
        self._waiting_exclusive = 0

    @contextmanager
    def hold(self, *, exclusive: bool) -> Iterator[None]:
        """Wait for the lock, and hold it."""
        with self._changed:
            # A thread that waits for exclusive access keeps later ones out: otherwise it could wait forever.
            self._changed.wait_for(lambda: exclusive or not self._waiting_exclusive)
            self._waiting_exclusive += exclusive
            self._changed.wait_for(lambda: not self._exclusive and not (exclusive and self._holders))
            self._waiting_exclusive -= exclusive
            self._holders += 1
            self._exclusive = exclusive
        try:
            yield
        finally:
            with self._changed:
                self._holders -= 1
                self._exclusive = False
                self._changed.notify_all()
