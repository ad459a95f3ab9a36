"""Long strings in metadata, which only a document's head has whole: conditions on them, and hits that show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from postings.documents import point_id
from postings.errors import InvalidFilter
from postings.index import Filter, Point, ScoredPoint
from postings.index.long_strings import HeadCondition, completed, conditions_for_heads, decided
from postings_query import asks
from postings_query.asks import Asking

MAX_DOCUMENTS = 10_000
"""Documents with long strings that a condition on them may hold for: their ids are part of the filter."""


def filter_for_passages(filter: Filter) -> Asking[Filter]:
    """The filter with each condition decided that only heads can decide; mostly nothing is asked.

    Raises:
        InvalidFilter: a condition holds for too many documents.
    """
    conditions = conditions_for_heads(filter)
    if not conditions:
        return filter
    documents = []
    for condition in conditions:
        documents.append((yield from _documents(condition)))  # noqa: PERF401 # a comprehension can't yield
    return decided(filter, documents)


def with_whole_metadata(
    answers: Sequence[Sequence[ScoredPoint]],
) -> Asking[tuple[list[list[ScoredPoint]], bool]]:
    """The same hits with their whole metadata, and whether each was found in the revision that its head has now.

    Of a document that is replaced meanwhile, the long strings are the new ones.
    """
    ids = {_head(point) for points in answers for point in points if _is_short(point)}
    if not ids:
        return [list(points) for points in answers], True
    heads: dict[str, Point] = {head.id: head for head in (yield asks.retrieve(sorted(ids)))}
    same = True

    def whole(point: ScoredPoint) -> ScoredPoint:
        nonlocal same
        if not _is_short(point):
            return point
        payload, head = point.payload, heads.get(_head(point))
        stored = head.payload if head else {}
        same = same and stored.get("metadata_digest") == payload["metadata_digest"]
        metadata = completed(payload["metadata"], payload["at_head"], stored.get("metadata", {}))
        return replace(point, payload={**payload, "metadata": metadata})

    return [[whole(point) for point in points] for points in answers], same


def _documents(condition: HeadCondition) -> Asking[list[str]]:
    found: list[str] = []
    offset = None
    while True:
        heads, offset = yield asks.page(condition.heads, ["doc_id"], offset)
        found += [head.payload["doc_id"] for head in heads]
        if len(found) > MAX_DOCUMENTS:
            raise InvalidFilter(
                f"a condition on long strings in 'metadata.{condition.key}' holds for more than {MAX_DOCUMENTS:,} "
                "documents, the most that a filter can name: use one that holds for fewer"
            )
        if offset is None:
            return found


def _is_short(point: ScoredPoint) -> bool:
    return bool(point.payload["ordinal"]) and "at_head" in point.payload


def _head(point: ScoredPoint) -> str:
    return point_id(point.payload["doc_id"], 0)
