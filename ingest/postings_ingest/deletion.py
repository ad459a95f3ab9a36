"""Deleting documents by id, or by a filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from postings import Index
from postings.arguments import as_list
from postings.batching import batched
from postings.clock import arrival_version
from postings.documents import check_version
from postings.errors import InvalidDocument
from postings.index import Filter
from postings.index.document_filter import heads_of_documents
from postings.index.payload import HEADS, TENANT, check_without_tenant, of_documents
from postings.write_protocol import POINTS_PER_BATCH, Outcome, Revision, write


def _ignore(documents: int) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """The result of a delete; each id is named once, in the order in which it was given.

    Attributes:
        deleted: ids of documents that were in the index and are gone.
        not_found: ids that weren't in the index; their deletes are remembered anyway.
        superseded: ids of which the index holds a newer version, with that version; they stay as they are.
        version: the version of this delete.
        gone: ids among those superseded that a newer delete had removed before.
    """

    deleted: list[str]
    not_found: list[str]
    superseded: Mapping[str, int]
    version: int
    gone: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        superseded = [
            {"id": id, "stored": stored, "deleted": id in self.gone} for id, stored in self.superseded.items()
        ]
        return {
            "version": self.version,
            "deleted": self.deleted,
            "not_found": self.not_found,
            "superseded": superseded,
        }


def delete_documents(index: Index, ids: Iterable[str], version: int | None = None) -> list[str]:
    """Delete documents. An older version that is written later doesn't bring them back.

    Args:
        index: the collection to delete from.
        ids: ids of the documents. A delete is remembered even if there is no such document.
        version: the version of the delete; by default the time in ms since the epoch. A document with a newer version
            stays.

    Returns:
        The ids of the documents that were in the index and are gone.

    Raises:
        InvalidDocument: no document can have this id or version.
    """
    return delete(index, ids, version).deleted


@dataclass(frozen=True, slots=True)
class DeletedMatching:
    """The result of a delete of all documents that match a filter.

    Attributes:
        matching: the number of documents that matched.
        deleted: the number of documents that are gone.
        superseded: ids of documents that have a newer version than the delete, with that version; they stay.
        version: the version of this delete.
    """

    matching: int
    deleted: int
    superseded: Mapping[str, int]
    version: int

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        superseded = [{"id": id, "stored": stored} for id, stored in self.superseded.items()]
        counts = {"matching": self.matching, "deleted_documents": self.deleted}
        return {"version": self.version, **counts, "superseded": superseded}


def matching_documents(index: Index, filter: Filter) -> Iterator[str]:
    """The ids of all documents that match a filter.

    Raises:
        ConfigurationError: a tenant's document matches, and the index isn't bound to a tenant.
        InvalidFilter: the filter isn't one, has no condition, or selects passages rather than documents.
    """
    heads = heads_of_documents(filter)

    def read() -> Iterator[str]:
        for head in index.scroll(heads, fields=["doc_id", TENANT]):
            check_without_tenant(head.payload)
            yield head.payload["doc_id"]

    return read()


def delete_matching(
    index: Index, filter: Filter, version: int | None = None, progress: Callable[[int], object] = _ignore
) -> DeletedMatching:
    """Delete all documents that match a filter. An older version that is written later doesn't bring them back.

    Args:
        index: the collection to delete from.
        filter: on the id, title, version, number of passages or metadata of documents.
        version: the version of the delete; by default the time in ms since the epoch at which the delete begins. A
            document with a newer version stays.
        progress: called with the number of documents so far.

    Raises:
        InvalidFilter: the filter isn't one, has no condition, or selects passages rather than documents.
        InvalidDocument: no document can have this version.

    Example:
        >>> delete_matching(index, {"must": [{"key": "doc_id", "match": {"any": ["1", "2"]}}]}).deleted
        2
    """
    # A revision that arrives while documents are deleted is newer.
    used = arrival_version() if version is None else version
    check_version(used)
    matching = deleted = 0
    superseded: dict[str, int] = {}
    for ids in batched(matching_documents(index, filter), POINTS_PER_BATCH):
        found = delete(index, ids, used)
        matching += len(ids)
        deleted += len(found.deleted)
        superseded |= found.superseded
        progress(matching)
    return DeletedMatching(matching, deleted, superseded, used)


def delete(index: Index, ids: Iterable[str], version: int | None = None) -> Deleted:
    """Delete documents, and say what became of each id; see :func:`delete_documents`."""
    now = arrival_version()
    names = list(dict.fromkeys(as_list("ids", ids, str, InvalidDocument)))
    used = now if version is None else version
    revisions = [Revision.deletion(id, used, now) for id in names]
    present = _present(index, names)
    written = dict(zip(names, write(index, revisions), strict=True))
    done = [id for id in names if written[id].outcome is Outcome.DELETED]
    superseded = {id: each.stored for id, each in written.items() if each.outcome is Outcome.SUPERSEDED}
    return Deleted(
        deleted=[id for id in done if id in present],
        not_found=[id for id in done if id not in present],
        superseded=superseded,
        version=used,
        gone=frozenset(superseded.keys() - present),
    )


def _present(index: Index, ids: Iterable[str]) -> set[str]:
    """The ids of the documents that are in the index.

    Raises:
        ConfigurationError: one is a tenant's, and the index isn't bound to a tenant.
    """
    present = set()
    for some in batched(ids, POINTS_PER_BATCH):
        heads = index.scroll({"must": [HEADS, of_documents(some)]}, fields=["doc_id", "deleted_at", TENANT])
        for head in heads:
            check_without_tenant(head.payload)
            if "deleted_at" not in head.payload:
                present.add(head.payload["doc_id"])
    return present
