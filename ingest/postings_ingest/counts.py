"""What became of documents, in numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from postings.write_protocol import Outcome


@dataclass(frozen=True, slots=True)
class Counts:
    """How many documents were submitted, and what became of them; a delete counts as a document.

    Counts are added with ``+``.

    Attributes:
        submitted: documents that were queued.
        indexed: documents that are in the index in the version that was submitted.
        superseded: documents that were left out, because the index holds a newer version or delete.
        deleted: documents that were deleted.
        failed: documents that are in the dead letters.
        unchanged: documents among those indexed that the index held already, so that they weren't encoded again.

    Example:
        >>> Counts(submitted=2, indexed=1) + Counts(submitted=1, deleted=1)
        Counts(submitted=3, indexed=1, superseded=0, deleted=1, failed=0, unchanged=0)
    """

    submitted: int = 0
    indexed: int = 0
    superseded: int = 0
    deleted: int = 0
    failed: int = 0
    unchanged: int = 0

    @classmethod
    def of(cls, outcomes: Iterable[Outcome], *, unchanged: int = 0) -> Counts:
        """Count the outcomes of writes.

        Args:
            outcomes: one for each document.
            unchanged: how many of those indexed weren't encoded again.
        """
        found = list(outcomes)
        return cls(**{outcome.value: found.count(outcome) for outcome in Outcome}, unchanged=unchanged)

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Counts)))

    @property
    def done(self) -> int:
        """Documents of which it is known what became of them."""
        return self.indexed + self.superseded + self.deleted + self.failed

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.done >= self.submitted
