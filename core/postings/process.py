"""A forked child can't use what its parent opened: the threads are gone, and the files of an index are shared.

A child that uses such a thing would wait forever for threads that it doesn't have, and one that only ends would wait
for them too, as the thing is freed.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref

from postings.errors import WrongProcess

_left_alone: weakref.WeakSet[object] = weakref.WeakSet()


class Origin:
    """The process that something was opened in.

    Args:
        what: was opened, for the message.
        verb: what each process does to have one of its own.

    Example:
        >>> Origin("index", "open").check()
    """

    def __init__(self, what: str, verb: str) -> None:
        self._process = os.getpid()
        self._message = f"this {what} belongs to the process that was forked: {verb} one in each process"

    @property
    def here(self) -> bool:
        """Whether this is the process."""
        return os.getpid() == self._process

    def check(self) -> None:
        """Raise :class:`WrongProcess` in any other process."""
        if not self.here:
            raise WrongProcess(self._message)


class OwnedLock(Origin):
    """A lock that raises in a forked process, where a thread that is gone may hold it; its holder may take it again.

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
    """Let forked processes end without freeing what ``owner`` holds; it must be an object of Python's own."""
    _left_alone.add(owner)


def _forked() -> None:
    for owner in _left_alone:
        # A reference that nobody gives back: it outlasts the end of the interpreter too.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(owner))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
