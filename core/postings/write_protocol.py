"""The write protocol: nothing is lost, nothing is duplicated, the newest revision wins.

Tasks run at least once, and may run late, repeatedly and out of order. Several workers may write revisions of one
document at the same time, and crash between any two steps. The index still ends as if the revisions had arrived in
order, because

1. a revision's points are written on the condition *absent, or stored version <= its own*, and only then
2. the document's head (passage 0, or its tombstone) is read, and every point that doesn't belong to the revision of the
   head is deleted.

Step 2 reads after step 1 has written. So if two workers write one document, the one that reads last sees both writes
and deletes what is stale. Equal versions are written again, so that a redelivery completes a half-written document.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from postings.arguments import as_list, no_check
from postings.batching import batched
from postings.documents import check_id, check_version
from postings.errors import IndexUnavailable, InvalidDocument
from postings.index.payload import TENANT, check_without_tenant, of_documents, tombstone_point
from postings.index.protocol import Index, Point
from postings.index.revisions import deleted_before, is_stale, stale_points

POINTS_PER_BATCH = 256


class Outcome(StrEnum):
    """The result of writing a revision."""

    INDEXED = "indexed"
    """The document is in the index in this version."""
    SUPERSEDED = "superseded"
    """The index has a newer revision, or a newer delete."""
    DELETED = "deleted"
    """The revision was a delete, and the document is gone."""


@dataclass(frozen=True, slots=True)
class Written:
    """The result of writing a revision, and the version of its document that is stored now.

    Example:
        >>> written = Written(Outcome.SUPERSEDED, stored=7)
        >>> f"{written.outcome} by version {written.stored}"
        'superseded by version 7'
    """

    outcome: Outcome
    stored: int


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a document: the points of all its passages in order, or its tombstone."""

    doc_id: str
    version: int
    points: tuple[Point, ...]

    @classmethod
    def deletion(cls, doc_id: str, version: int, now: int) -> Revision:
        """The revision that deletes a document; ``now`` is the time in ms since the epoch.

        Raises:
            InvalidDocument: the id or the version is invalid.
        """
        check_id(doc_id)
        check_version(version)
        return cls(doc_id, version, (tombstone_point(doc_id, version, now),))

    @property
    def outcome(self) -> Outcome:
        """What becomes of the document if this revision is the newest."""
        deletes = bool(self.points) and "deleted_at" in self.points[0].payload
        return Outcome.DELETED if deletes else Outcome.INDEXED


def write(index: Index, revisions: Iterable[Revision], check: Callable[[], object] = no_check) -> list[Written]:
    """Write revisions to the index; return the result for each, in their order.

    This may be repeated with the same revisions at any time, and run in several processes at once. If there are several
    revisions of one document, the newest is written; of equal versions, the last. ``check`` is called before each batch
    of points; an exception in it ends the work.

    Raises:
        ConfigurationError: the index isn't bound to a tenant, and a tenant has a document with this id.
        IndexFailure: the engine didn't acknowledge a step, or doesn't show it yet. Earlier steps stay written; calling
            again completes the rest.
    """
    revisions = as_list("revisions", revisions, Revision, InvalidDocument)
    newest: dict[str, Revision] = {}
    for revision in revisions:
        if revision.doc_id not in newest or revision.version >= newest[revision.doc_id].version:
            newest[revision.doc_id] = revision
    stored: dict[str, _Stored] = {}
    for batch in batched(newest.values(), POINTS_PER_BATCH, lambda revision: len(revision.points)):
        check()
        stored |= _write_batch(index, batch)
    return [
        Written(
            revision.outcome
            if revision is newest[revision.doc_id] and stored[revision.doc_id].version == revision.version
            else Outcome.SUPERSEDED,
            stored[revision.doc_id].version,
        )
        for revision in revisions
    ]


def sweep_tombstones(index: Index, before: int) -> None:
    """Delete the tombstones of documents that were deleted before a time, in ms since the epoch.

    Older messages that are still in flight could then bring their documents back.
    """
    index.delete(deleted_before(before))


@dataclass(slots=True)
class _Stored:
    """What is stored of one document: the version and passages of its head, and whether there are stale points."""

    version: int = -1
    passages: int = 0
    stale: bool = False


def _write_batch(index: Index, batch: Sequence[Revision]) -> dict[str, _Stored]:
    index.upsert([point for revision in batch for point in revision.points], keep_newer=True)
    stored = _read(index, batch)
    if unread := [each.doc_id for each in batch if stored[each.doc_id].version < each.version]:
        # Replicas may not agree yet, or somebody deleted the document by hand.
        raise IndexUnavailable(f"document {unread[0]!r} was written, but can't be read yet")
    for doc_id, document in stored.items():
        if document.stale:
            index.delete(stale_points(doc_id, document.version, document.passages))
    return stored


def _read(index: Index, batch: Sequence[Revision]) -> dict[str, _Stored]:
    stored = {revision.doc_id: _Stored() for revision in batch}
    payloads: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    fields = ["doc_id", "ordinal", "version", "passages", TENANT]
    for point in index.scroll(of_documents(stored), fields=fields):
        payload = point.payload
        check_without_tenant(payload)
        document = stored[payload["doc_id"]]
        payloads[payload["doc_id"]].append(payload)
        if payload["ordinal"] == 0:
            document.version, document.passages = payload["version"], payload["passages"]
    for doc_id, document in stored.items():
        document.stale = any(is_stale(each, document.version, document.passages) for each in payloads[doc_id])
    return stored
