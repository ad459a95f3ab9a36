"""Opening the index of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postings.errors import ConfigurationError
from postings.index.embedded.index import EdgeIndex
from postings.index.proxy import Owner, ProxyIndex
from postings.index.proxy.waiting import when_free
from postings.index.tenant_index import bound
from postings.secrets import redacted

if TYPE_CHECKING:
    from postings.index.protocol import Index
    from postings.settings import Settings


def open_index(settings: Settings | None = None) -> Index:
    """Open the collection of the settings; close it afterwards, or use it as a context manager.

    ``settings.index_url`` selects the engine: a path or ``edge:PATH`` is a folder for the embedded engine,
    ``http://…`` or ``https://…`` a Qdrant server, or several nodes of a cluster, separated by commas. With
    ``settings.tenant``, the index shows and changes this tenant's documents alone.

    The engine locks a collection's folder for one process. If a process such as ``postings serve`` lets others work
    with the index that it has open, this one works through it; for any other, it waits a few seconds.

    Raises:
        IndexLocked, IndexCorrupt: see :class:`postings.EdgeIndex`.
        ConfigurationError, IndexUnavailable, IndexRejected, AccessDenied: see :meth:`postings.ServerIndex.connect`.

    Example:
        >>> with open_index(Settings(index_url=folder, collection="articles")) as index:
        ...     index.collection
        'articles'
    """
    from postings.settings import Settings

    settings = Settings.given(settings)
    if settings.index_folder is None:
        # qdrant-client takes a second to import, so it is imported only for a server.
        from postings.index.server import ServerIndex

        return bound(ServerIndex.connect(settings), settings)
    return bound(open_embedded(settings), settings)


def open_embedded(settings: Settings) -> EdgeIndex | ProxyIndex:
    """Open the collection of the settings in its folder, of all tenants; see :func:`open_index`.

    Raises:
        ConfigurationError: the settings name a server.
        IndexLocked, IndexCorrupt: see :class:`postings.EdgeIndex`.
    """
    folder, collection = settings.index_folder, settings.collection
    if folder is None:
        raise ConfigurationError(f"expected a folder as index_url, got {redacted(settings.index_url)}")

    def opened(owner: Owner | None) -> EdgeIndex | ProxyIndex:
        if owner is not None:
            return ProxyIndex(owner, collection)
        return EdgeIndex(folder, collection, datatype=settings.index_datatype, on_disk=settings.index_on_disk)

    return when_free(folder, opened)


def is_server(settings: Settings) -> bool:
    """Whether the settings name a Qdrant server."""
    return bool(settings.index_urls)
