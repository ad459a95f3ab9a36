"""Versions for documents that bring none."""

from __future__ import annotations

import threading
import time

_lock = threading.Lock()
_last = 0


def arrival_version() -> int:
    """Milliseconds since the epoch, never going back within this process even if the system's clock does."""
    global _last
    with _lock:
        _last = max(_last, time.time_ns() // 1_000_000)
        return _last
