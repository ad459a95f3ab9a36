"""Mapping the embedded engine's errors to those of Postings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from postings.errors import (
    IndexCorrupt,
    IndexFailure,
    IndexLocked,
    IndexRejected,
    IndexUnavailable,
    ModelMismatch,
    PostingsError,
    StorageFull,
)
from postings.index.protocol import PointMissing

# The embedded engine raises bare Exception, so only the message tells what happened. The first match counts.
_MESSAGES: tuple[tuple[str, type[PostingsError], str], ...] = (
    (
        "WouldBlock",
        IndexLocked,
        "another process has the index open: wait for it, or use 'postings serve'",
    ),
    ("No space left", StorageFull, "the disk is full"),
    ("os error 28", StorageFull, "the disk is full"),
    ("Permission denied", IndexUnavailable, "the index folder can't be read or written"),
    ("Read-only file system", IndexUnavailable, "the index folder can't be written"),
    ("Too many open files", IndexUnavailable, "this process has too many files open"),
    ("Not existing vector name", ModelMismatch, "the collection has no vectors of this model"),
    ("No point with id", PointMissing, "a point doesn't exist"),
    ("Shard is not initialized", IndexUnavailable, "the index is closed"),
)


@contextmanager
def edge_errors(folder: str, otherwise: type[IndexFailure] = IndexRejected) -> Iterator[None]:
    """Raise the embedded engine's errors as those of Postings.

    Args:
        folder: of the collection, for the message.
        otherwise: the class for an unknown message; when loading, a corrupt index.
    """
    try:
        yield
    except PostingsError:
        raise
    except Exception as error:
        message = str(error)
        for part, kind, meaning in _MESSAGES:
            if part in message:
                # Of a lock there is nothing more to say: the engine names its own files, and calls it a runtime error.
                said = "" if kind is IndexLocked else f" ({message})"
                raise kind(f"{folder}: {meaning}{said}") from error
        raise otherwise(f"{folder}: the engine says: {message}") from error
    except BaseException as error:
        # A panic of the engine (Rust) is a BaseException whose class can't be imported.
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise IndexCorrupt(f"{folder}: the engine crashed on the stored data: {error}") from error
