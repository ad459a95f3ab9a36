"""What the tools work with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from postings import Index
from postings.errors import CollectionNotFound
from postings.index.tenant_index import bound
from postings.index.tenants import settings_of_tenant
from postings_serve.guard import Caller
from postings_serve.http.problems import Problem
from postings_serve.mcp.kept_encoders import KeptEncoders
from postings_serve.mcp.shared_indexes import SharedIndexes

if TYPE_CHECKING:
    from postings import Settings


class Backend:
    """The settings' index, as each caller may use it, and the models of its collections.

    Args:
        settings: the index, the default collection and the tenants.

    Example:
        >>> reader = Caller("me", "me", frozenset({"read"}))
        >>> with Backend(Settings(index_url=folder)).index(reader, "articles") as index:
        ...     index.collection
        'articles'
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.encoders = KeptEncoders(settings)
        self._indexes = SharedIndexes(settings)

    def settings_of(self, caller: Caller, collection: str | None) -> Settings:
        """The settings, bound to a caller's tenant and to a collection, by default their own.

        Raises:
            ConfigurationError: they don't say which metadata field names the tenant.
        """
        settings = settings_of_tenant(self.settings, caller.tenant)
        return settings if collection is None else settings.of_collection(collection)

    @contextmanager
    def index(self, caller: Caller, collection: str | None) -> Iterator[Index]:
        """What a caller sees of a collection, by default that of the settings.

        Raises:
            CollectionNotFound: there is no such collection.
            ConfigurationError, IndexFailure: see :func:`postings.open_index`.
        """
        settings = self.settings_of(caller, collection)
        try:
            with self._indexes.use(settings.collection) as index:
                yield bound(index, settings)
        except CollectionNotFound:
            # The engine's own message names its folder, or the server.
            raise CollectionNotFound(f"there is no collection {settings.collection!r}") from None

    @contextmanager
    def part(self, caller: Caller, collection: str | None) -> Iterator[Index]:
        """The part of a collection in which an id names one document.

        Raises:
            Problem: 403, tenants share the collection, and the caller is none of them.
            PostingsError: as :meth:`index`.
        """
        settings = self.settings_of(caller, collection)
        if settings.tenant_field is not None and settings.tenant is None:
            raise Problem(
                403,
                "tenant-needed",
                "tenants share the collection: this needs a key of one of them, or without keys POSTINGS_TENANT",
            )
        with self.index(caller, collection) as index:
            yield index
