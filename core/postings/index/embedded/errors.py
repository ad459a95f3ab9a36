"""The table from the embedded engine's errors to Postings' own."""

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

# The embedded engine raises bare Exception: its words are all there is to go by. The first match wins.
_EDGE_WORDS: tuple[tuple[str, type[PostingsError], str], ...] = (
    ("WouldBlock", IndexLocked, "another process has the index open: wait for it, stop it, or use a Qdrant server"),
    ("No space left", StorageFull, "the disk is full"),
    ("os error 28", StorageFull, "the disk is full"),
    ("Permission denied", IndexUnavailable, "the index folder can't be read or written"),
    ("Read-only file system", IndexUnavailable, "the index folder can't be written"),
    ("Too many open files", IndexUnavailable, "this process has too many files open"),
    ("Not existing vector name", ModelMismatch, "the collection has no vectors of this model"),
    ("Shard is not initialized", IndexUnavailable, "the index is closed"),
)


@contextmanager
def edge_errors(where: str, otherwise: type[IndexFailure] = IndexRejected) -> Iterator[None]:
    """Raise the embedded engine's errors as Postings' own.

    Args:
        where: the folder, for the message.
        otherwise: what an error with unknown words is; on loading, that is a corrupt index.
    """
    try:
        yield
    except PostingsError:
        raise
    except Exception as error:
        words = str(error)
        for part, kind, meaning in _EDGE_WORDS:
            if part in words:
                raise kind(f"{where}: {meaning} ({words})") from error
        raise otherwise(f"{where}: the engine says: {words}") from error
    except BaseException as error:
        # A panic in the engine (Rust) comes as a BaseException of a class that can't be imported.
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise IndexCorrupt(f"{where}: the engine failed on what is stored there: {error}") from error
