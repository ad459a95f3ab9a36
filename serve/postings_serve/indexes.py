"""The indexes that requests use."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from postings import Index, open_index
from postings.errors import CollectionNotFound
from postings.index.tenants import settings_of_tenant
from postings_ingest.tenants import Tenants
from postings_query import SearchClient
from postings_serve.problems import Problem

if TYPE_CHECKING:
    from postings import Settings

_CLIENTS = 1000


class OpenIndexes:
    """The collections of an index, and search clients for them, each opened when it is first asked for.

    Args:
        settings: the index.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._indexes: dict[str, Index] = {}
        self._clients: OrderedDict[tuple[str, str | None], SearchClient] = OrderedDict()

    def index(self, collection: str) -> Index:
        """The index of a collection.

        Raises:
            CollectionNotFound: there is no such collection.
            IndexFailure: it can't be opened.
        """
        with self._lock:
            if (found := self._indexes.get(collection)) is None:
                found = open_index(self._settings.of_collection(collection))
                try:
                    found.models()
                except CollectionNotFound:
                    found.close()
                    # The engine's own message names its folder, or the server.
                    raise CollectionNotFound(f"there is no collection {collection!r}") from None
                except BaseException:
                    found.close()
                    raise
                self._indexes[collection] = found
            return found

    def part(self, collection: str, tenant: str | None) -> Index:
        """The part of a collection that a tenant sees; where no tenants share it, all of it.

        Raises:
            Problem: 403, tenants share the collection, and none is named.
            CollectionNotFound: there is no such collection.
            ConfigurationError: the settings don't say which metadata field names the tenant.
        """
        settings = settings_of_tenant(self._settings, tenant)
        if settings.tenant_field is not None and settings.tenant is None:
            raise Problem(403, "tenant-needed", "tenants share the collection: this needs a key of one of them")
        return Tenants.of_settings(settings).index(self.index(collection), settings.tenant)

    def client(self, collection: str, tenant: str | None) -> SearchClient:
        """A search client, shared by the requests for a collection and a tenant.

        Raises:
            CollectionNotFound: there is no such collection.
            ConfigurationError: the settings don't say which metadata field names the tenant.
        """
        key = collection, tenant
        with self._lock:
            if (found := self._clients.get(key)) is None:
                settings = settings_of_tenant(self._settings, tenant)
                found = SearchClient(index=self.index(collection), settings=settings.of_collection(collection))
                self._clients[key] = found
                if len(self._clients) > _CLIENTS:
                    self._clients.popitem(last=False)
            self._clients.move_to_end(key)
            return found

    def opened(self, collection: str, tenant: str | None) -> SearchClient | None:
        """The client of :meth:`client`, if there is one already."""
        return self._clients.get((collection, tenant))

    def close(self) -> None:
        """Close all indexes."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            for index in self._indexes.values():
                index.close()
