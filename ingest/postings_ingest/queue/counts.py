"""What became of the documents of a job, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Of a job: documents by what became of them, deletions included.

    Of those ``indexed``, the ``unchanged`` ones stood in the index as they came, so that they weren't encoded again.
    """

    submitted: int = 0
    indexed: int = 0
    superseded: int = 0
    deleted: int = 0
    failed: int = 0
    unchanged: int = 0

    @property
    def done(self) -> int:
        """Documents whose fate is known."""
        return self.indexed + self.superseded + self.deleted + self.failed

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.done >= self.submitted
