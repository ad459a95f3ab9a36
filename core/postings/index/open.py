"""Opening the index of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postings.index.embedded.index import EdgeIndex
from postings.index.tenant_index import bound

if TYPE_CHECKING:
    from postings.index.protocol import Index
    from postings.settings import Settings


def open_index(settings: Settings | None = None) -> Index:
    """Open the collection of the settings; close it afterwards, or use it as a context manager.

    ``settings.index_url`` selects the engine: a path or ``edge:PATH`` is a folder for the embedded engine,
    ``http://…`` or ``https://…`` a Qdrant server, or several nodes of a cluster, separated by commas. With
    ``settings.tenant``, the index shows and changes this tenant's documents alone.

    Raises:
        IndexLocked, IndexCorrupt: see :class:`postings.EdgeIndex`.
        IndexUnavailable, IndexRejected: see :meth:`postings.ServerIndex.connect`.

    Example:
        >>> with open_index(Settings(index_url=folder, collection="articles")) as index:
        ...     index.collection
        'articles'
    """
    from postings.settings import Settings

    settings = Settings.given(settings)
    folder = settings.index_folder
    if folder is None:
        # qdrant-client takes a second to import, so it is imported only for a server.
        from postings.index.server import ServerIndex

        return bound(ServerIndex.connect(settings), settings)
    datatype, on_disk = settings.index_datatype, settings.index_on_disk
    return bound(EdgeIndex(folder, settings.collection, datatype=datatype, on_disk=on_disk), settings)


def is_server(settings: Settings) -> bool:
    """Whether the settings name a Qdrant server."""
    return bool(settings.index_urls)
