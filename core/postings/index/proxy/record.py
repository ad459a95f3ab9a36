"""The record of a served index folder, which says where the process that has it open is reached.

It is the file ``.serve.json`` in the index folder. A process that is killed leaves it behind: nobody answers then. So
that a folder has one owner, it locks ``.serve.lock`` until it ends.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postings.errors import IndexLocked, IndexRejected
from postings.process import close_in_forks

RECORD = ".serve.json"
LOCK = ".serve.lock"

FORMAT = 1
"""Of the record and the messages. Processes with different formats don't understand each other."""


def read_record(root: Path) -> Path | None:
    """The socket of the process that serves a folder; ``None`` if there is no record.

    Raises:
        IndexLocked: another version of Postings serves the folder.
    """
    try:
        record = json.loads((root / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    match record:
        case {"format": format, "socket": str(path), "pid": int(pid)}:
            if format != FORMAT:
                raise IndexLocked(
                    f"{root}: process {pid} serves the index with another version of postings: use that version, or "
                    "restart the process"
                )
            return Path(path)
    return None


@contextmanager
def recorded(root: Path, path: Path) -> Iterator[None]:
    """Write the record of a folder, and remove it at the end; the caller holds the lock."""
    record, partial = root / RECORD, root / f"{RECORD}.partial"
    _remove_socket(root)
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, "pid": os.getpid(), "socket": str(path)}, file)
    partial.replace(record)
    try:
        yield
    finally:
        record.unlink(missing_ok=True)


@contextmanager
def owned(root: Path) -> Iterator[None]:
    """Own a folder.

    Raises:
        IndexLocked: another process serves it.
        IndexRejected: it can't be written to.
    """
    import fcntl  # Windows has none, where nobody can serve a folder

    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = os.fdopen(os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o600), "rb")
    except OSError as error:
        raise IndexRejected(f"{root}: the index folder can't be written: {error.strerror or error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise IndexLocked(
                f"{root}: another process serves the index already, such as 'postings serve': stop it first"
            ) from error
        close_in_forks(lock)
        yield


def _remove_socket(root: Path) -> None:
    """Remove what a killed process has left."""
    try:
        left = read_record(root)
        if left is not None and left.is_socket():
            left.unlink()
            left.parent.rmdir()
    except (OSError, IndexLocked):
        return
