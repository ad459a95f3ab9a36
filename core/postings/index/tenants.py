"""Tenants: several share a collection, and each reads and changes its own documents alone.

Each point of a tenant stores its name in the payload field ``tenant``, and has an id of the tenant's own, so that two
tenants' documents with the same id are two documents. :class:`Tenant` converts what goes into an index and what comes
out of it, for :class:`postings.index.tenant_index.TenantIndex` and for an index that is used with asyncio.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from postings.arguments import as_list
from postings.documents import point_id
from postings.errors import ConfigurationError, InvalidDocument, InvalidFilter, InvalidInput, InvalidQuery
from postings.index.fields import checked_filter
from postings.index.payload import TENANT, of_tenant, stored_id
from postings.index.protocol import Filter, Point, SearchRequest
from postings.tenant_names import NEEDS_FIELD, is_tenant

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

    from postings.settings import Settings

CLAUSES = {"must", "should", "must_not", "min_should"}
"""The names that a filter may have."""

_READ = (TENANT, "doc_id", "ordinal")

P = TypeVar("P", bound=Point)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant, and the conversion of its requests and answers.

    Attributes:
        field: the key of the metadata that names the tenant of a document.
        name: the tenant.
    """

    field: str
    name: str

    def filter(self, filter: ClientFilter | Filter | None = None) -> Filter:
        """The tenant's points that match a filter. Every condition that reaches the engine is made here.

        Raises:
            InvalidFilter: this isn't a filter, or no passage has the field of a condition.

        Example:
            >>> Tenant("customer", "acme").filter({"must": [{"key": "ordinal", "match": {"value": 0}}]})
            {'must': [{'must': [{'key': 'tenant', 'match': {'value': 'acme'}}]},
                      {'must': [{'key': 'ordinal', 'match': {'value': 0}}]}]}
        """
        own = of_tenant(self.name)
        plain = {} if filter is None else checked_filter(filter)
        if unknown := plain.keys() - CLAUSES:
            raise InvalidFilter(f"filter has unknown {sorted(map(str, unknown))}: expected {sorted(CLAUSES)}")
        return {"must": [own, self._with_stored_ids(plain)]} if plain else own

    def requests(self, requests: Iterable[SearchRequest]) -> list[SearchRequest]:
        """The same searches, among the tenant's points; words are as rare as they are there."""
        given = as_list("requests", requests, SearchRequest, InvalidQuery)
        return [
            replace(each, filter=self.filter(each.filter), fields=self.fields(each.fields), corpus=of_tenant(self.name))
            for each in given
        ]

    def id(self, id: str) -> str:
        """The id under which the tenant's point is stored; what isn't a UUID stays as it is, and is none's id."""
        try:
            return stored_id(self.name, id)
        except ValueError:
            return id

    def point(self, point: Point) -> Point:
        """The point to store.

        Raises:
            InvalidDocument: the point is another tenant's.
        """
        payload = dict(point.payload)
        metadata = payload.get("metadata", {})
        for named in (payload.get(TENANT, self.name), metadata.get(self.field, self.name)):
            if named != self.name:
                raise InvalidDocument(
                    f"document {payload.get('doc_id')!r} belongs to {self.field} {named!r:.100}, not to {self.name!r}"
                )
        payload[TENANT] = self.name
        if "metadata" in payload:
            payload["metadata"] = {**metadata, self.field: self.name}
        return replace(point, id=self.id(point.id), payload=payload)

    def fields(self, fields: Iterable[str] | None) -> list[str] | None:
        """The payload fields to read: also those that :meth:`own` needs."""
        return None if fields is None else list(dict.fromkeys([*as_list("fields", fields, str, InvalidInput), *_READ]))

    def own(self, points: Iterable[P], fields: Sequence[str] | None = None) -> list[P]:
        """Points as the tenant sees them: without those of others, which no request should have found.

        Args:
            points: as they are stored, with the payload of :meth:`fields`.
            fields: the payload fields to show; by default all.
        """
        hidden = {TENANT} if fields is None else {TENANT, *_READ} - ({*fields} - {TENANT})
        return [
            replace(
                point,
                id=point_id(point.payload["doc_id"], point.payload["ordinal"]),
                payload={name: value for name, value in point.payload.items() if name not in hidden},
            )
            for point in points
            if point.payload.get(TENANT) == self.name
        ]

    def _with_stored_ids(self, value: Any) -> Any:
        """Replace the ids in conditions ``has_id``; anything malformed stays as it is, for the engine to report."""
        if isinstance(value, list):
            return [self._with_stored_ids(each) for each in value]
        if not isinstance(value, Mapping):
            return value
        return {
            name: [self.id(each) if isinstance(each, str) else each for each in inner]
            if name == "has_id" and isinstance(inner, list)
            else self._with_stored_ids(inner)
            for name, inner in value.items()
        }


def tenant_of(settings: Settings) -> Tenant | None:
    """The tenant that the settings are bound to."""
    if settings.tenant is None or settings.tenant_field is None:
        return None
    return Tenant(settings.tenant_field, settings.tenant)


def settings_of_tenant(settings: Settings, tenant: str | None) -> Settings:
    """The settings, bound to a tenant if one is given; bound settings can't be bound to another.

    Raises:
        ConfigurationError: no tenant can have this name, or the settings don't name the metadata field.
    """
    if tenant is None:
        return settings
    if not is_tenant(tenant):
        raise ConfigurationError(f"expected the name of a tenant, got {tenant!r:.100}")
    if settings.tenant_field is None:
        raise ConfigurationError(NEEDS_FIELD)
    if settings.tenant not in (None, tenant):
        raise ConfigurationError(f"the settings are bound to tenant {settings.tenant!r}, not to {tenant!r}")
    return settings.model_copy(update={"tenant": tenant})


def check_same(bound: Tenant, tenant: Tenant) -> None:
    """Raise :class:`ConfigurationError` if an index that is bound to a tenant is used for another."""
    if bound != tenant:
        raise ConfigurationError(f"the index is bound to {bound.name!r}, not to {tenant.name!r}")


def check_unbound(settings: Settings, what: str) -> None:
    """Check that a process isn't bound to a tenant, for what concerns all of them.

    Args:
        settings: of the process.
        what: concerns all tenants, for the message.

    Raises:
        ConfigurationError: it is bound.
    """
    if settings.tenant is not None:
        raise ConfigurationError(
            f"{what} concerns all tenants, but this process is bound to {settings.tenant!r}: unset POSTINGS_TENANT"
        )


def check_names_tenant(settings: Settings) -> None:
    """Check that a process is bound to a tenant where tenants share a collection, for what concerns one of them.

    Raises:
        ConfigurationError: it isn't.
    """
    if settings.tenant_field is not None and settings.tenant is None:
        raise ConfigurationError("tenants share the collection: set POSTINGS_TENANT to say whose documents these are")
