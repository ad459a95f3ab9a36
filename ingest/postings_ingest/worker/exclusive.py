"""A lock that threads share, unless one asks for it exclusively."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedExclusiveLock:
    """A lock that threads share, unless one asks for it exclusively.

    Batches share it. A redelivered batch holds it exclusively, because it may have crashed its worker: if it did so
    again beside another batch, the other one would be blamed, too.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders = 0
        self._exclusive = False
        self._waiting_exclusive = 0

    @contextmanager
    def hold(self, *, exclusive: bool) -> Iterator[None]:
        """Wait for the lock, and hold it.

        Args:
            exclusive: whether no other thread may hold the lock at the same time.
        """
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
