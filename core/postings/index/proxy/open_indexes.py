"""The collections of an index folder that a process has open, each once, for all of its threads."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from postings.index.embedded.index import EdgeIndex
from postings.process import OwnedLock


class _SharedIndex(EdgeIndex):
    """A collection that other processes write to, through this one."""

    @property
    def exclusive(self) -> bool:
        """``False``: others may write through this process."""
        return False


class OpenIndexes:
    """The collections of a folder, which are opened when they are first asked for, and closed all at the end.

    Ask for a collection each time it is used, rather than keep it: one that is dropped or replaced is closed.

    Args:
        root: the index folder.
        datatype: of the weights in the indexes of new collections, see :class:`postings.Settings`.
        on_disk: whether new collections keep their indexes on disk.

    Example:
        >>> with OpenIndexes(folder) as indexes:
        ...     _ = indexes.get("articles").ensure("0123abcd", "tiny")
        ...     indexes.get("articles").count()
        0
    """

    def __init__(self, root: str | os.PathLike[str], *, datatype: str = "float32", on_disk: bool = False) -> None:
        self.root = Path(root)
        self._datatype = datatype
        self._on_disk = on_disk
        self._lock = OwnedLock("index", "open")
        self._open: dict[str, EdgeIndex] = {}
        # A lock lives while a thread uses it: there are any number of names that no collection has.
        self._locks: weakref.WeakValueDictionary[str, OwnedLock] = weakref.WeakValueDictionary()

    def get(self, collection: str) -> EdgeIndex:
        """The open collection, which may not exist yet; don't close it.

        Raises:
            ConfigurationError, IndexLocked, IndexCorrupt: see :class:`postings.EdgeIndex`.
        """
        if (found := self.opened(collection)) is not None:
            return found
        with self._lock_of(collection):
            if collection not in self._open:
                self._open[collection] = _SharedIndex(
                    self.root, collection, datatype=self._datatype, on_disk=self._on_disk
                )
            return self._open[collection]

    def opened(self, collection: str) -> EdgeIndex | None:
        """The collection if it is open; this opens nothing and never waits.

        Raises:
            WrongProcess: this process was forked from the one that has the collections open.
        """
        self._lock.check()
        return self._open.get(collection)

    @contextmanager
    def released(self, collection: str) -> Iterator[None]:
        """Close a collection until the end of the block, for what changes its folder.

        Other threads that ask for this collection wait meanwhile, those that ask for others don't.
        """
        with self._lock_of(collection):
            if (index := self._open.pop(collection, None)) is not None:
                index.close()
            yield

    def close(self) -> None:
        """Close all collections; does nothing in a forked process."""
        if not self._lock.here:
            return
        for collection in list(self._open):
            with self.released(collection):
                pass

    def _lock_of(self, collection: str) -> OwnedLock:
        with self._lock:
            return self._locks.setdefault(collection, OwnedLock("index", "open"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
