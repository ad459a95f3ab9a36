"""Deleting documents by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from postings import Index
from postings.arguments import as_list
from postings.clock import arrival_version
from postings.documents import point_id
from postings.errors import InvalidDocument
from postings.write_protocol import Outcome, Revision, write


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of the ids that were to be deleted, each of them once, in their order.

    Attributes:
        deleted: were there, and are gone.
        not_found: weren't there; they are remembered as deleted all the same.
        superseded: stay as they are, with the newer version that the index holds of each.
        version: of this delete.
        gone: of those superseded, the ids that a newer delete removed before.
    """

    deleted: list[str]
    not_found: list[str]
    superseded: Mapping[str, int]
    version: int
    gone: frozenset[str] = frozenset()


def delete_documents(index: Index, ids: Iterable[str], version: int | None = None) -> list[str]:
    """Delete documents; a later write of an older version doesn't bring them back.

    Args:
        index: the collection to delete from.
        ids: the documents' ids; those that aren't there are remembered as deleted all the same.
        version: the version of the delete, by default the time in ms since the epoch. A document of a newer version
            stays.

    Returns:
        The ids of documents that were there and are gone.

    Raises:
        InvalidDocument: an id or the version is none that a document can have.
    """
    return delete(index, ids, version).deleted


def delete(index: Index, ids: Iterable[str], version: int | None = None) -> Deleted:
    """As :func:`delete_documents`; returns what became of every id."""
    now = arrival_version()
    # An id that came twice is deleted once.
    names = list(dict.fromkeys(as_list("ids", ids, str, InvalidDocument)))
    used = now if version is None else version
    revisions = [Revision.deletion(id, used, now) for id in names]
    heads = index.retrieve([point_id(id, 0) for id in names])
    present = {head.payload["doc_id"] for head in heads if "deleted_at" not in head.payload}
    written = dict(zip(names, write(index, revisions), strict=True))
    superseded = {id: each.stored for id, each in written.items() if each.outcome is Outcome.SUPERSEDED}
    return Deleted(
        deleted=[id for id in names if id in present and id not in superseded],
        not_found=[id for id in names if id not in present and id not in superseded],
        superseded=superseded,
        version=used,
        gone=frozenset(superseded.keys() - present),
    )
