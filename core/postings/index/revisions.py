"""Which stored points a revision of a document may replace, and which it leaves stale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from postings.index.protocol import Filter, Point


def replaced_by(points: Iterable[Point]) -> Filter:
    """Stored points that these may replace: those of their ids that aren't newer.

    Each is compared with its own version. After a crash, an engine writes again what its log has, onto points some of
    whose fields are as old as its last flush, others newer: a bound that is smaller than the version of a point, such
    as the smallest of a batch, would then refuse the point that had already been written.
    """
    ids: dict[int, list[str]] = defaultdict(list)
    for point in points:
        ids[point.payload["version"]].append(point.id)
    not_newer = {version: {"key": "version", "range": {"lte": version}} for version in ids}
    if len(ids) == 1:
        return {"must": [*not_newer.values()]}
    return {"should": [{"must": [{"has_id": some}, not_newer[version]]} for version, some in ids.items()]}


def stale_points(doc_id: str, version: int, passages: int) -> Filter:
    """Points of a document that don't belong to the stored head; see :func:`is_stale`.

    They are older than the head, or the same version was written before with more passages.
    """
    same_document = {"key": "doc_id", "match": {"value": doc_id}}
    older = {"key": "version", "range": {"lt": version}}
    same_version = {"key": "version", "match": {"value": version}}
    surplus = {"must": [same_version, {"key": "ordinal", "range": {"gte": passages}}]}
    return {"must": [same_document], "should": [older, surplus]}


def is_stale(payload: Mapping[str, Any], version: int, passages: int) -> bool:
    """Whether a document's point is one of its :func:`stale_points`, given the version and passages of the head."""
    return bool(payload["version"] < version or (payload["version"] == version and payload["ordinal"] >= passages))


def deleted_before(milliseconds: int) -> Filter:
    """Tombstones older than a time in ms since the epoch."""
    return {"must": [{"key": "deleted_at", "range": {"lt": milliseconds}}]}
