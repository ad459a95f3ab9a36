"""Standard output and error as they really are: closed, full, or of an encoding that lacks characters."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def prepare() -> str | None:
    """Make both fit to be written to; returns what is wrong with standard output, if anything."""
    closed = sys.stdout is None
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return "standard output is closed" if closed else None


def trouble(failed: OSError | None = None) -> str | None:
    """Why what was printed can't be written, if it can't; a reader who has gone, as ``head`` does, is no trouble.

    Args:
        failed: an error that ended a command; one that names no file and is a disk's may be standard output's.
    """
    try:
        if failed is not None and failed.filename is None and failed.errno in _DISK:
            raise failed
        sys.stdout.flush()
    except BrokenPipeError:
        _forget()
    except OSError as error:
        _forget()
        return f"standard output can't be written: {error.strerror}"
    return None


def _forget() -> None:
    """Let what is left go nowhere, so that the interpreter doesn't try once more as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
