"""The collections that requests use, and the search clients for them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postings import Encoder, Index
from postings.collection_models import load_model
from postings.errors import CollectionNotFound, IndexUnavailable, ModelMismatch
from postings.index import SearchRequest
from postings.index.proxy import OpenIndexes
from postings.index.tenant_index import bound
from postings.index.tenants import settings_of_tenant
from postings_ingest.tenants import Tenants
from postings_query import SearchClient, WeightedQuery
from postings_serve.http.problems import Problem
from postings_serve.search.asked import asked

if TYPE_CHECKING:
    from postings import Settings
    from postings.index.models import CollectionModels

_CLIENTS = 1000


@dataclass(frozen=True, slots=True)
class _Opened:
    index: Index
    encoder: Encoder | None
    client: SearchClient


def found_model(models: CollectionModels, model: str, collection: str) -> str:
    """The fingerprint of the model that a request names.

    Raises:
        Problem: 404, the collection has no such model, or several.
    """
    try:
        return models.find(model, collection)
    except ModelMismatch as error:
        raise Problem(404, "model-not-found", str(error)) from None


class Indexes:
    """The collections of the settings' index, and search clients for them, opened when they are first asked for.

    Ask for them with each request, rather than keep them: a collection that is dropped or restored is another.

    Args:
        settings: the index.
        folder: its open collections, if it is a folder.
    """

    def __init__(self, settings: Settings, folder: OpenIndexes | None) -> None:
        self._settings = settings
        self._get: Callable[[str], Index] = self._served if folder is None else folder.get
        self._folder = folder
        self._lock = threading.RLock()
        self._servers: dict[str, Index] = {}
        self._clients: OrderedDict[tuple[str, str | None, str | None], _Opened] = OrderedDict()

    def index(self, collection: str) -> Index:
        """The index of a collection.

        Raises:
            CollectionNotFound: there is no such collection.
            IndexFailure: it can't be opened.
        """
        while True:
            found = self._get(collection)
            try:
                found.models()
            except CollectionNotFound:
                self._forget(collection, found)
                # The engine's own message names its folder, or the server.
                raise CollectionNotFound(f"there is no collection {collection!r}") from None
            except IndexUnavailable:
                if self._get(collection) is found:  # otherwise another request has closed it
                    raise
            else:
                return found

    def seen_by(self, tenant: str | None, collection: str) -> Index:
        """A collection as a tenant sees it, or all of it where no tenant is named.

        Raises:
            CollectionNotFound: there is no such collection.
            ConfigurationError: the settings don't say which metadata field names the tenant.
        """
        return bound(self.index(collection), settings_of_tenant(self._settings, tenant))

    def part(self, collection: str, tenant: str | None) -> Index:
        """The part of a collection that a tenant sees; where no tenants share it, all of it.

        Raises:
            Problem: 403, tenants share the collection, and none is named.
            CollectionNotFound: there is no such collection.
            ConfigurationError: the settings don't say which metadata field names the tenant.
        """
        settings = self.settings_of(tenant)
        return Tenants.of_settings(settings).index(self.index(collection), settings.tenant)

    def settings_of(self, tenant: str | None) -> Settings:
        """The settings, bound to a tenant; where no tenants share the index, as they are.

        Raises:
            Problem: 403, tenants share the collection, and none is named.
            ConfigurationError: the settings don't say which metadata field names the tenant.
        """
        settings = settings_of_tenant(self._settings, tenant)
        if settings.tenant_field is not None and settings.tenant is None:
            raise Problem(403, "tenant-needed", "tenants share the collection: this needs a key of one of them")
        return settings

    def client(self, collection: str, tenant: str | None, model: str | None = None) -> SearchClient:
        """A search client, shared by the requests for a collection, a tenant and a model.

        Args:
            collection: the collection.
            tenant: whose documents alone are searched.
            model: the name of a model of the collection, or the beginning of its fingerprint; by default the one that
                is searched.

        Raises:
            Problem: 404, the collection has no such model, or several.
            CollectionNotFound: there is no such collection.
            ConfigurationError: the settings don't say which metadata field names the tenant.
            ModelError: the model can't be loaded.
        """
        index = self.index(collection)
        key = collection, tenant, model
        try:
            encoder = None if model is None else self._encoder(index, model)
        except Problem:
            with self._lock:
                self._clients.pop(key, None)  # of a model that was dropped
            raise
        with self._lock:
            found = self._clients.get(key)
            if found is None or found.index is not index or found.encoder is not encoder:
                settings = settings_of_tenant(self._settings, tenant)
                client = SearchClient(index=index, encoder=encoder, settings=settings.of_collection(collection))
                found = self._clients[key] = _Opened(index, encoder, client)
                if len(self._clients) > _CLIENTS:
                    self._clients.popitem(last=False)
            self._clients.move_to_end(key)
            return found.client

    def asked(
        self, collection: str, tenant: str | None, model: str | None, query: str | WeightedQuery, **options: Any
    ) -> SearchRequest:
        """What a search asks of the engine; the arguments are those of :meth:`client`, and of a search.

        Raises:
            Problem, PostingsError: as :meth:`client` and :meth:`postings_query.SearchClient.search`.
        """
        encoder = self.client(collection, tenant, model).encoder
        settings = settings_of_tenant(self._settings, tenant).of_collection(collection)
        return asked(self.index(collection), encoder, settings, query, **options)

    def opened(self, collection: str, tenant: str | None, model: str | None = None) -> SearchClient | None:
        """The client of :meth:`client`, if there is one already; this never waits for the index."""
        found = self._clients.get((collection, tenant, model))
        return found.client if found is not None and found.index is self._open(collection) else None

    def check(self) -> None:
        """Check that the index can be read, whether or not it has the default collection.

        Raises:
            IndexFailure: it can't.
        """
        with suppress(CollectionNotFound):
            self.index(self._settings.collection)

    def close(self) -> None:
        """Close the connections to a server; a folder's collections are closed by whoever opened them."""
        with self._lock:
            for each in self._clients.values():
                each.client.close()
            for index in self._servers.values():
                index.close()

    def _encoder(self, index: Index, model: str) -> Encoder:
        models = index.models()
        return load_model(models, found_model(models, model, index.collection), self._settings)

    def _open(self, collection: str) -> Index | None:
        return self._servers.get(collection) if self._folder is None else self._folder.opened(collection)

    def _served(self, collection: str) -> Index:
        with self._lock:
            if (found := self._servers.get(collection)) is None:
                # qdrant-client takes a second to import, so it is imported only for a server.
                from postings.index.server import ServerIndex

                found = self._servers[collection] = ServerIndex.connect(self._settings.of_collection(collection))
            return found

    def _forget(self, collection: str, index: Index) -> None:
        """Close what was opened for a collection that isn't there: there are any number of such names."""
        with self._lock:
            for key in [key for key in self._clients if key[0] == collection]:
                del self._clients[key]
        if self._folder is not None:
            with self._folder.released(collection):
                return
        with self._lock:
            if self._servers.get(collection) is index:  # not that of a collection that was made again meanwhile
                del self._servers[collection]
                index.close()
