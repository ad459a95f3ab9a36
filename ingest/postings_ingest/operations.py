"""What can be done to a collection: index a document, or delete one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from postings import Document
from postings.batching import batched
from postings.documents import check_id, check_version
from postings.errors import InvalidDocument
from postings.tenant_names import is_tenant

DOCUMENTS = 256
CHARACTERS = 500_000


@dataclass(frozen=True, slots=True)
class Deletion:
    """A document to delete.

    Attributes:
        id: the document's id.
        version: the version of the delete, as in :class:`postings.Document`; by default the time of arrival.
        tenant: whose document it is, where tenants share a collection; by default that of a bound process.

    Raises:
        InvalidDocument: no document can have this id or version, or no tenant this name.
    """

    id: str
    version: int | None = None
    tenant: str | None = None

    def __post_init__(self) -> None:
        check_id(self.id)
        if self.tenant is not None and not is_tenant(self.tenant):
            raise InvalidDocument(f"expected the name of a tenant, got {self.tenant!r:.100}")
        if self.version is not None:
            check_version(self.version)


Operation: TypeAlias = Document | Deletion


def weight(operation: Operation) -> float:
    """The part that an operation takes of a full micro-batch: 256 operations, or half a million characters."""
    characters = len(operation.text) if isinstance(operation, Document) else 0
    return max(1 / DOCUMENTS, characters / CHARACTERS)


def micro_batches(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    """Split operations into micro-batches that are encoded and written at once; the last document may exceed one."""
    return batched(operations, 1, weight)
