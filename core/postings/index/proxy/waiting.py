"""Waiting for a process that has a collection open."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from postings.errors import IndexLocked
from postings.index.proxy.owner import Owner

log = logging.getLogger(__name__)

LOCKED_SECONDS = 5.0
"""How long to wait for another process that has an embedded collection open; most commands are done by then."""

_LOOK_SECONDS = 0.05

_T = TypeVar("_T")


def when_free(folder: Path, attempt: Callable[[Owner | None], _T]) -> _T:
    """Try something that needs a collection which another process may have open, until that process is done.

    Args:
        folder: the index folder.
        attempt: called with the process that serves the folder, or ``None``.

    Raises:
        IndexLocked: a process has the collection open for :data:`LOCKED_SECONDS`, and doesn't serve the folder.
    """
    began = time.monotonic()
    waiting = False
    while True:
        try:
            return attempt(Owner.of(folder))
        except IndexLocked as error:
            if time.monotonic() > began + LOCKED_SECONDS:
                raise IndexLocked(f"{error}; waited {LOCKED_SECONDS:g} s") from error
            if not waiting:
                log.info("waiting for another process: %s", error)
            waiting = True
        time.sleep(_LOOK_SECONDS)
