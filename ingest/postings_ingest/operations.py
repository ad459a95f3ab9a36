"""What can be done to a collection: a document to index, or one to delete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from postings import Document
from postings.documents import check_id, check_version

DOCUMENTS = 256
CHARACTERS = 500_000


@dataclass(frozen=True, slots=True)
class Deletion:
    """A document to delete; ``version`` as in :class:`postings.Document`.

    Raises:
        InvalidDocument: id or version can't belong to a document.
    """

    id: str
    version: int | None = None

    def __post_init__(self) -> None:
        check_id(self.id)
        if self.version is not None:
            check_version(self.version)


Operation: TypeAlias = Document | Deletion


def micro_batches(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    """Some operations at a time: at most 256, or half a million characters and one document more."""
    batch: list[Operation] = []
    characters = 0
    for operation in operations:
        batch.append(operation)
        characters += len(operation.text) if isinstance(operation, Document) else 0
        if len(batch) >= DOCUMENTS or characters >= CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
