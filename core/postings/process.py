"""Objects that can't be used in a forked process: their threads are lost, and the files of an index are shared.

A forked process that used such an object would wait forever for the lost threads. It would even wait when it ends and
the object is freed.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from typing import Protocol

from postings.errors import WrongProcess


class _File(Protocol):
    def close(self) -> None: ...


_never_freed: weakref.WeakSet[object] = weakref.WeakSet()
_closed_in_forks: weakref.WeakSet[_File] = weakref.WeakSet()


class Origin:
    """The process in which an object was opened.

    Args:
        what: kind of object, for the message.
        verb: what each process must do to get its own.

    Example:
        >>> Origin("index", "open").check()
    """

    def __init__(self, what: str, verb: str) -> None:
        self._process = os.getpid()
        self._message = f"this {what} belongs to the parent process: {verb} one in each process"

    @property
    def here(self) -> bool:
        """Whether the object was opened in this process."""
        return os.getpid() == self._process

    def check(self) -> None:
        """Raise :class:`WrongProcess` if the object was opened in another process."""
        if not self.here:
            raise WrongProcess(self._message)


class OwnedLock(Origin):
    """A reentrant lock that raises :class:`WrongProcess` in a forked process, where a lost thread may hold it.

    Example:
        >>> with OwnedLock("encoder", "load"):
        ...     pass
    """

    def __init__(self, what: str, verb: str) -> None:
        super().__init__(what, verb)
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self.check()
        self._lock.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()


def never_free_in_a_fork(owner: object) -> None:
    """Make forked processes end without freeing an object, and so without waiting for its threads."""
    _never_freed.add(owner)


def close_in_forks(file: _File) -> None:
    """Make forked processes close their copy of a file or socket, which would otherwise seem open while they live."""
    _closed_in_forks.add(file)


def _after_fork() -> None:
    for file in _closed_in_forks:
        file.close()
    for owner in _never_freed:
        # A reference that is never dropped, not even when the interpreter exits.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(owner))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
