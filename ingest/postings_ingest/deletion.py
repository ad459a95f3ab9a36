"""Deleting documents by id."""

from __future__ import annotations

from collections.abc import Sequence

from postings import Index
from postings.clock import arrival_version
from postings.documents import point_id
from postings.writes import Revision, write


def delete_documents(index: Index, ids: Sequence[str], version: int | None = None) -> list[str]:
    """Delete documents; a later write of an older version doesn't bring them back.

    Args:
        index: the collection to delete from.
        ids: the documents' ids; those that aren't there are remembered as deleted all the same.
        version: the version of the delete, by default the time in ms since the epoch.

    Returns:
        The ids that were there before.

    Raises:
        InvalidDocument: an id or the version is none that a document can have.
    """
    now = arrival_version()
    revisions = [Revision.deletion(id, now if version is None else version, now) for id in ids]
    heads = index.retrieve([point_id(id, 0) for id in ids])
    present = {head.payload["doc_id"] for head in heads if "deleted_at" not in head.payload}
    write(index, revisions)
    return [id for id in ids if id in present]
