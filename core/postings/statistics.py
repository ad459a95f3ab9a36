"""How much a collection holds, in the user's units."""

from __future__ import annotations

from dataclasses import dataclass

from postings.index.payload import HEADS, TOMBSTONES
from postings.index.protocol import Index


@dataclass(frozen=True, slots=True)
class Statistics:
    """Documents and passages that can be found, and deleted documents whose version is still remembered."""

    documents: int
    passages: int
    tombstones: int


def statistics(index: Index) -> Statistics:
    """Count a collection.

    Raises:
        CollectionNotFound: it doesn't exist.
    """
    tombstones = index.count(TOMBSTONES)
    return Statistics(index.count(HEADS) - tombstones, index.count() - tombstones, tombstones)
