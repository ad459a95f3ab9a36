"""Returning freed memory to the operating system, with glibc's ``malloc_trim``."""

from __future__ import annotations

import ctypes
import sys
import threading
import time

# A call takes milliseconds, as long as a query: so there are many queries, or half a second on a fast device, between
# two calls.
_TOKENS = 2**13
_SECONDS = 0.5


class MallocTrim:
    """Calls ``malloc_trim`` now and then, after some thousands of encoded tokens.

    glibc keeps freed memory that lies below a block in use: gigabytes of it after a day. Other C libraries have no such
    function, and most don't need one.
    """

    def __init__(self) -> None:
        self._tokens = 0
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def after_pass(self, tokens: int) -> None:
        """Count the tokens of a pass; call ``malloc_trim`` if it is time."""
        now = time.monotonic()
        with self._lock:
            self._tokens += tokens
            if self._tokens < _TOKENS or now < self._last + _SECONDS:
                return
            self._tokens, self._last = 0, now
        if _TRIM is not None:
            _TRIM(0)


_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
