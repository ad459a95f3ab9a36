"""The collections of an index folder that another process may have open."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from postings.index.embedded.collections import EmbeddedCollections
from postings.index.proxy.owner import Owner
from postings.index.proxy.waiting import when_free
from postings.whole_files import Progress, no_progress


class FolderCollections:
    """Drops, copies and restores collections of a folder, in the process that serves it if there is one.

    :class:`postings.collections.Collections` documents it.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        """The names of all collections, sorted."""
        return EmbeddedCollections(self._root).names()

    def drop(self, name: str) -> None:
        """Delete a collection."""
        self._change(lambda engine: engine.drop(name))

    def copy(self, source: str, target: str, progress: Progress) -> None:
        """Copy a collection as it is between two writes."""
        self._change(lambda engine: engine.copy(source, target, progress))

    def restore(self, name: str, file: Path, progress: Progress, *, replace: bool) -> None:
        """Create a collection from a snapshot."""
        self._change(lambda engine: engine.restore(name, file, progress, replace=replace))

    def _change(self, change: Callable[[EmbeddedCollections | _OwnersCollections], None]) -> None:
        when_free(
            self._root,
            lambda owner: change(EmbeddedCollections(self._root) if owner is None else _OwnersCollections(owner)),
        )


class _OwnersCollections:
    """The same in the process that serves the folder; the connection to it is closed after one call."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    def drop(self, name: str) -> None:
        self._call("drop", name=name)

    def copy(self, source: str, target: str, progress: Progress) -> None:
        self._call("copy", progress, source=source, target=target)

    def restore(self, name: str, file: Path, progress: Progress, *, replace: bool) -> None:
        self._call("restore", progress, name=name, file=os.path.abspath(file), replace=replace)  # noqa: PTH100

    def _call(self, name: str, progress: Progress = no_progress, /, **arguments: Any) -> None:
        try:
            self._owner.call(name, arguments, progress)
        finally:
            self._owner.close()
