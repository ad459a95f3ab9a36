"""Times in milliseconds since the epoch, which are also the versions of documents without one."""

from __future__ import annotations

import threading
import time

_lock = threading.Lock()
_last = 0


def arrival_version() -> int:
    """Milliseconds since the epoch; never less than before in this process, even if the system's clock is set back."""
    global _last
    with _lock:
        _last = max(_last, time.time_ns() // 1_000_000)
        return _last


def seconds_ago(seconds: int) -> int:
    """The time some seconds ago, in milliseconds since the epoch."""
    return arrival_version() - seconds * 1000
