"""The size of a collection, in documents and passages."""

from __future__ import annotations

from dataclasses import dataclass

from postings.errors import StrictModeRejected
from postings.index.payload import HEADS, TOMBSTONES
from postings.index.protocol import Filter, Index


@dataclass(frozen=True, slots=True)
class CollectionSize:
    """Documents and passages that can be found, and deleted documents whose versions are still kept.

    The numbers are ``approximate`` if the collection's strict mode doesn't allow exact counts.
    """

    documents: int
    passages: int
    tombstones: int
    approximate: bool = False


def collection_size(index: Index) -> CollectionSize:
    """Count what a collection holds, as exactly as its strict mode allows.

    Raises:
        CollectionNotFound: the collection doesn't exist.
    """
    try:
        return _count(index, exact=True)
    except StrictModeRejected:
        return _count(index, exact=False)


def count_matching(index: Index, filter: Filter) -> int:
    """Count points, as exactly as the collection's strict mode allows: none, and a few, exactly."""
    try:
        return index.count(filter)
    except StrictModeRejected:
        points, following = index.page(filter, fields=())
        return len(points) if following is None else max(index.count(filter, exact=False), len(points) + 1)


def _count(index: Index, *, exact: bool) -> CollectionSize:
    heads, points, tombstones = (index.count(filter, exact=exact) for filter in (HEADS, None, TOMBSTONES))
    # Estimates may say that a part is larger than the whole.
    return CollectionSize(max(heads - tombstones, 0), max(points - tombstones, 0), tombstones, not exact)
