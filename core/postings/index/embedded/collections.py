"""The collections of an index folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Protocol

import qdrant_edge as edge

from postings.errors import CollectionExists, IndexCorrupt
from postings.index.embedded.errors import edge_errors
from postings.index.embedded.folder import collection_folder, collection_names, models_of, not_found
from postings.index.embedded.index import EdgeIndex
from postings.index.embedded.snapshots import check_file, read_snapshot, temporary_folder
from postings.whole_files import Progress


class Opened(Protocol):
    """The collections that this process has open; see :class:`postings.index.proxy.OpenIndexes`."""

    def get(self, collection: str) -> EdgeIndex:
        """The open collection."""
        ...

    def released(self, collection: str) -> AbstractContextManager[None]:
        """Close a collection until the end of the block."""
        ...


class EmbeddedCollections:
    """Drops, copies and restores collections of a folder; :class:`postings.collections.Collections` documents it.

    Args:
        root: the folder.
        opened: what this process has open; by default nothing.
    """

    def __init__(self, root: Path, opened: Opened | None = None) -> None:
        self._root = root
        self._opened = opened

    def names(self) -> list[str]:
        """The names of all collections, sorted."""
        return collection_names(self._root)

    def drop(self, name: str) -> None:
        """Delete a collection that no other process has open."""
        folder = collection_folder(self._root, name)
        with self._released(name):
            if not folder.exists():
                raise not_found(folder)
            models_of(folder)
            with temporary_folder(self._root, "dropped") as dropped, _held(folder):
                folder.rename(dropped / name)

    def copy(self, source: str, target: str, progress: Progress) -> None:
        """Copy a collection that no other process has open."""
        with self._index(source) as index:
            points = index.count()
            self._check_absent(target)
            progress(0, points)
            with temporary_folder(self._root, "copying") as copying:
                index.copy_to(copying / target)
                self._name(copying / target)
            progress(points, points)

    def restore(self, name: str, file: Path, progress: Progress, *, replace: bool) -> None:
        """Create a collection from a snapshot."""
        check_file(file)
        if not replace:
            self._check_absent(name)
        folder = collection_folder(self._root, name)
        with temporary_folder(self._root, "restoring") as restoring:
            (restoring / name).mkdir()
            read_snapshot(file, restoring / name, progress)
            if not folder.exists():
                self._name(restoring / name)
                return
            replaced = restoring / "replaced"
            with self._released(name), _held(folder):
                try:
                    folder.rename(replaced)
                    self._name(restoring / name)
                except BaseException:
                    if replaced.exists():
                        replaced.rename(folder)
                    raise

    @contextmanager
    def _index(self, name: str) -> Iterator[EdgeIndex]:
        if self._opened is not None:
            yield self._opened.get(name)
            return
        with EdgeIndex(self._root, name) as index:
            yield index

    def _released(self, name: str) -> AbstractContextManager[None]:
        return nullcontext() if self._opened is None else self._opened.released(name)

    def _check_absent(self, name: str) -> None:
        if collection_folder(self._root, name).exists():
            raise CollectionExists(f"there is a collection {name!r} already: drop it, or choose another name")

    def _name(self, folder: Path) -> None:
        """Give a folder its name among the collections, unless another process took it meanwhile."""
        with self._released(folder.name):
            try:
                folder.rename(self._root / folder.name)
            except OSError as error:
                self._check_absent(folder.name)
                raise CollectionExists(f"{self._root / folder.name}: {error}") from error


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the engine's lock of a collection, also of a damaged one: no other process opens it before it is moved.

    Raises:
        IndexLocked: another process has it open.
    """
    shard = None
    with suppress(IndexCorrupt), edge_errors(str(folder), otherwise=IndexCorrupt):
        shard = edge.EdgeShard.load(str(folder / "shard"))
    try:
        yield
    finally:
        if shard is not None:
            shard.close()
