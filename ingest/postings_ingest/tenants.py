"""Whose each document and delete is, where tenants share a collection."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from postings import Document, Index, Settings
from postings.errors import InvalidDocument
from postings.index.payload import DocumentKey
from postings.index.tenant_index import TenantIndex
from postings.index.tenants import Tenant
from postings.tenant_names import MAX_LENGTH, is_tenant
from postings_ingest.operations import Deletion, Operation

_T = TypeVar("_T")
_O = TypeVar("_O", Document, Deletion, Operation)


@dataclass(frozen=True, slots=True)
class Tenants:
    """The tenants of a collection, as a process sees them.

    Attributes:
        field: the key of the metadata that names the tenant of a document; ``None`` without tenants.
        bound: the tenant that the process is bound to; ``None`` if it works for all.

    Example:
        >>> Tenants("customer").of(Document("1", "A man is eating food.", metadata={"customer": "acme"}))
        'acme'
        >>> Tenants("customer").of(Document("1", "A man is eating food."))
        Traceback (most recent call last):
        ...
        postings.errors.InvalidDocument: '1' needs a tenant: expected a string of 1 to 256 characters, \
without white space around them, in metadata.customer, got None
    """

    field: str | None = None
    bound: str | None = None

    @classmethod
    def of_settings(cls, settings: Settings) -> Tenants:
        """The tenants of the settings."""
        return cls(settings.tenant_field, settings.tenant)

    @classmethod
    def of_index(cls, index: Index, settings: Settings) -> Tenants:
        """The tenant that an index is bound to; if it isn't, the tenants of the settings."""
        if isinstance(index, TenantIndex):
            return cls(index.tenant.field, index.tenant.name)
        return cls.of_settings(settings)

    def of(self, operation: Operation) -> str | None:
        """The tenant of an operation; ``None`` without tenants.

        Raises:
            InvalidDocument: it names no tenant, or another than the one that the process is bound to.
        """
        given = operation.tenant if isinstance(operation, Deletion) else operation.metadata.get(self.field or "")
        if self.field is None:
            if isinstance(operation, Deletion) and given is not None:
                raise InvalidDocument(
                    f"the delete of {operation.id!r} names tenant {given!r}, but POSTINGS_TENANT_FIELD isn't set"
                )
            return None
        named = self.bound if given is None else given
        if not is_tenant(named):
            place = "'tenant' of the delete" if isinstance(operation, Deletion) else f"metadata.{self.field}"
            raise InvalidDocument(
                f"{operation.id!r} needs a tenant: expected a string of 1 to {MAX_LENGTH} characters, without white "
                f"space around them, in {place}, got {named!r:.100}"
            )
        if self.bound not in (None, named):
            raise InvalidDocument(
                f"{operation.id!r} belongs to {self.field} {named!r}, but this process is bound to {self.bound!r}"
            )
        return str(named)

    def key(self, operation: Operation) -> DocumentKey:
        """The document that an operation changes: two tenants may have documents with the same id."""
        return self.of(operation), operation.id

    def assigned(self, operation: _O) -> _O:
        """The operation, naming its tenant.

        Raises:
            InvalidDocument: see :meth:`of`.
        """
        tenant = self.of(operation)
        if isinstance(operation, Deletion):
            return operation if operation.tenant == tenant else replace(operation, tenant=tenant)
        if tenant is None or operation.metadata.get(self.field or "") == tenant:
            return operation
        named = replace(operation, metadata={**operation.metadata, self.field or "": tenant})
        return named if operation.source is None else named.read_at(operation.source)

    def each_assigned(self, documents: Iterable[Document]) -> Iterable[Document]:
        """The documents, each naming its tenant; what isn't a document is left for others to report."""
        return documents if self.field is None or not isinstance(documents, Iterable) else self._each(documents)

    def index(self, index: Index, tenant: str | None) -> Index:
        """The part of an index that belongs to a tenant."""
        if tenant is None or self.field is None or isinstance(index, TenantIndex):
            return index
        return TenantIndex(index, Tenant(self.field, tenant))

    def _each(self, documents: Iterable[Document]) -> Iterator[Document]:
        with closing(documents) if isinstance(documents, Generator) else nullcontext():
            for document in documents:
                yield self.assigned(document) if isinstance(document, Document) else cast("Document", document)


NO_TENANTS = Tenants()
"""Of a collection whose documents name no tenants."""


def by_tenant(items: Iterable[_T], tenant: Callable[[_T], str | None]) -> Iterable[tuple[str | None, list[_T]]]:
    """Group items by tenant; each group is in the order of the items."""
    groups: dict[str | None, list[_T]] = {}
    for item in items:
        groups.setdefault(tenant(item), []).append(item)
    return groups.items()
