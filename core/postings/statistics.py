"""How much a collection holds, in the user's units."""

from __future__ import annotations

from dataclasses import dataclass

from postings.errors import StrictModeRejected
from postings.index.payload import HEADS, TOMBSTONES
from postings.index.protocol import Index


@dataclass(frozen=True, slots=True)
class Statistics:
    """Documents and passages that can be found, and deleted documents whose version is still remembered.

    The numbers are ``approximate`` where the collection's strict mode allows no exact count.
    """

    documents: int
    passages: int
    tombstones: int
    approximate: bool = False


def statistics(index: Index) -> Statistics:
    """Count a collection, as exactly as its strict mode allows.

    Raises:
        CollectionNotFound: it doesn't exist.
    """
    try:
        return _count(index, exact=True)
    except StrictModeRejected:
        return _count(index, exact=False)


def _count(index: Index, *, exact: bool) -> Statistics:
    heads, points, tombstones = (index.count(filter, exact=exact) for filter in (HEADS, None, TOMBSTONES))
    # Of two numbers that are estimated, the part may be greater than the whole.
    return Statistics(max(heads - tombstones, 0), max(points - tombstones, 0), tombstones, not exact)
