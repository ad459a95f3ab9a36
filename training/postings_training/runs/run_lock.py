"""One run at a time in a folder."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postings.errors import ConfigurationError
from postings.process import close_in_forks

log = logging.getLogger(__name__)

_LOCK = "lock"


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder; the system releases it also when the process is killed.

    Args:
        folder: of the run; it exists.

    Raises:
        ConfigurationError: another run is at work there.
        OSError: the folder can't be written to.
    """
    try:
        import fcntl
    except ImportError:  # Windows has none
        yield
        return
    with (folder / _LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"a run is at work in {folder}: wait until it ends, or choose another folder with --out"
            ) from error
        except OSError as error:  # some network file systems have no locks, and models are trained there, too
            log.warning("%s can't be locked (%s): start no other run there", folder, error.strerror or error)
        close_in_forks(lock)
        yield
