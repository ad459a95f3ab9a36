"""Indexes that are open while somebody uses them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postings import Index, open_index

if TYPE_CHECKING:
    from postings import Settings


@dataclass(eq=False, slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    index: Index | None = None
    users: int = 0


class SharedIndexes:
    """Opens a collection for its first user, and closes it after its last.

    An assistant has its tools open for days and uses them for seconds: between two calls the folder belongs to nobody,
    so that commands, services and the tools of other assistants can work with it. Calls at the same time share an open
    index, because the engine locks a collection for one of them.

    Args:
        settings: the index; whoever uses a collection binds it to its tenant.

    Example:
        >>> indexes = SharedIndexes(Settings(index_url=folder))
        >>> with indexes.use("articles") as one, indexes.use("articles") as other:
        ...     one is other
        True
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    @contextmanager
    def use(self, collection: str) -> Iterator[Index]:
        """A collection, which may not exist yet, open until the end of the block.

        Raises:
            ConfigurationError, IndexFailure: see :func:`postings.open_index`.
        """
        with self._lock:
            entry = self._entries.setdefault(collection, _Entry())
            entry.users += 1
        try:
            with entry.lock:
                if entry.index is None:
                    entry.index = open_index(self._settings.of_collection(collection))
            yield entry.index
        finally:
            with entry.lock:  # whoever comes while it closes waits, and opens it again
                with self._lock:
                    entry.users -= 1
                    last = not entry.users
                if last and (index := entry.index) is not None:
                    entry.index = None
                    index.close()
            with self._lock:
                if not entry.users and self._entries.get(collection) is entry:
                    del self._entries[collection]
