"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys
import threading
import time

# A call takes milliseconds, as a query does: many queries pass between two calls, and half a second on a fast device.
_TOKENS = 2**13
_SECONDS = 0.5


class Heap:
    """Has the C library give back, now and then, what passes have freed.

    glibc keeps freed memory below any block that is still in use, gigabytes of it after a day. Other C libraries have
    no such call, and for most of them no such need.
    """

    def __init__(self) -> None:
        self._tokens = 0
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def note(self, tokens: int) -> None:
        """Count a pass of so many tokens; after many, give memory back."""
        now = time.monotonic()
        with self._lock:
            self._tokens += tokens
            if self._tokens < _TOKENS or now < self._last + _SECONDS:
                return
            self._tokens, self._last = 0, now
        if _TRIM is not None:
            _TRIM(0)


_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
