"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys
import threading

_EVERY = 2**17  # tokens: some seconds on a processor, and a call takes milliseconds


class Heap:
    """Has the C library give back, now and then, what passes have freed.

    glibc keeps freed memory below any block that is still in use, gigabytes of it after a day. Other C libraries have
    no such call, and for most of them no such need.
    """

    def __init__(self) -> None:
        self._tokens = 0
        self._lock = threading.Lock()

    def note(self, tokens: int) -> None:
        """Count a pass of so many tokens; after many, give memory back."""
        with self._lock:
            self._tokens += tokens
            if self._tokens < _EVERY:
                return
            self._tokens = 0
        if _TRIM is not None:
            _TRIM(0)


_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
