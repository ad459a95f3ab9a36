"""The folder of a collection while it is open: the engine, its lock, and when it is flushed."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Self

import qdrant_edge as edge

from postings.errors import IndexCorrupt, IndexUnavailable
from postings.index.embedded.errors import edge_errors
from postings.index.embedded.files import copy_folder
from postings.index.embedded.folder import check_disk_space, disk_usage, models_of, not_found
from postings.index.embedded.named_vectors import forget_unrecorded
from postings.index.embedded.optimizing import WHILE_SEARCHED, give_index_files, optimize
from postings.index.embedded.snapshots import write_snapshot
from postings.index.models import CollectionModels
from postings.process import Origin, OwnedLock, never_free_in_a_fork
from postings.whole_files import Progress, no_progress

log = logging.getLogger(__name__)

FLUSH_AFTER = 5000
"""Writes and deletes of points until the next flush, which takes 50 ms. Until then, the engine keeps a log of the
writes, which it reads when it opens, and the replaced points, also in memory."""

_HALF_CHANGED = "Incompatible configs"
"""The engine's words for a collection some of whose files have a vector that others lack."""


class OpenFolder:
    """The folder of a collection, which the engine locks for one process while it is open.

    Args:
        folder: opened if it exists.

    Raises:
        IndexLocked: another process has the collection open.
        IndexCorrupt: the folder isn't a readable collection.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shard: edge.EdgeShard | None = None
        self._models: CollectionModels | None = None
        self._writing = OwnedLock("index", "open")
        self._unflushed = 0
        self._written = False
        self._searched = False
        self._origin = Origin("index", "open")
        never_free_in_a_fork(self)
        if self._folder.exists():
            self._open()

    def copy_to(self, folder: Path) -> None:
        """Copy the collection to a new folder, as it is between two writes; writes wait meanwhile.

        Raises:
            StorageFull: the disk is too full for a copy.
        """
        with self._writing:
            shard, _ = self._opened()
            check_disk_space(folder.parent, disk_usage(self._folder))
            with edge_errors(str(self._folder)):
                shard.flush()
                copy_folder(self._folder, folder)

    def snapshot(self, file: str | Path, progress: Progress = no_progress) -> None:
        """Write the collection to a file; see :meth:`postings.Index.snapshot`."""
        self._opened()
        write_snapshot(self.copy_to, self._folder, Path(file), progress)

    def optimize(self) -> None:
        """Write the index of what was written since the last time, and take back the space of what was deleted.

        :meth:`close` does so too: call this at a quiet time in a process that searches and writes for long, and once
        for a collection that an earlier version created. It blocks all threads for 0.15 ms or more a passage: about
        150,000 passages at most, or all new ones if there are more. A collection that an earlier version created is
        closed and opened again first; other threads can't search it meanwhile.

        Raises:
            StorageFull: the disk is too full for a copy.
        """
        with self._writing, edge_errors(str(self._folder)):
            shard, _ = self._opened()
            check_disk_space(self._folder, disk_usage(self._folder))
            shard.flush()
            if give_index_files(self._folder):
                self._shard = None
                shard.close()
                self._open()
                shard, _ = self._opened()
            optimize(self._folder, shard, math.inf)

    def close(self) -> None:
        """Flush, and let other processes open the folder; does nothing in a forked process."""
        if not self._origin.here:
            return
        with self._writing, edge_errors(str(self._folder)):
            shard, self._shard = self._shard, None
            if shard is not None:
                shard.flush()
                if self._written:
                    optimize(self._folder, shard, math.inf)
                shard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _opened(self) -> tuple[edge.EdgeShard, CollectionModels]:
        self._origin.check()
        if self._models is None:
            raise not_found(self._folder)
        if self._shard is None:
            raise IndexUnavailable(f"{self._folder}: the index was closed")
        return self._shard, self._models

    def _open(self) -> None:
        models = models_of(self._folder)
        with edge_errors(str(self._folder), otherwise=IndexCorrupt):
            self._shard = self._loaded(models)
        self._models = models  # last: other threads take the collection for there from now on

    def _loaded(self, models: CollectionModels) -> edge.EdgeShard:
        shard = str(self._folder / "shard")
        try:
            return edge.EdgeShard.load(shard)
        except Exception as error:  # the engine raises no other class
            if _HALF_CHANGED not in str(error) or not forget_unrecorded(self._folder, models):
                raise
        log.warning("%s: a model was being added or dropped when a process was killed; it is taken out", self._folder)
        return edge.EdgeShard.load(shard)

    def _update(self, operation: edge.UpdateOperation, changes: int = 1) -> None:
        with self._writing, edge_errors(str(self._folder)):
            shard, _ = self._opened()
            check_disk_space(self._folder)
            shard.update(operation)
            self._unflushed += changes
            self._written = True
            if self._unflushed >= FLUSH_AFTER:
                self._unflushed = 0
                shard.flush()
                optimize(self._folder, shard, WHILE_SEARCHED if self._searched else math.inf)
