"""Long strings in metadata, which only a document's head stores whole: conditions on them, and completing hits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from postings.errors import InvalidFilter
from postings.index import Filter, Point, ScoredPoint
from postings.index.long_strings import HeadCondition, completed, conditions_for_heads, decided
from postings.index.payload import TENANT, DocumentKey, document_key, head_id
from postings_query import index_calls
from postings_query.index_calls import IndexCalls

MAX_DOCUMENTS = 10_000
"""The most documents that a condition on long strings may match: their ids become part of the filter."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The documents that a condition matches, each with the digest of the metadata that it was evaluated on."""

    condition: HeadCondition
    documents: Mapping[DocumentKey, str]


def decisions(filter: Filter | None) -> IndexCalls[list[Decision]]:
    """Evaluate the conditions of a filter that need the heads. Most filters have none, and need no call.

    Raises:
        InvalidFilter: a condition matches too many documents.
    """
    made = []
    for condition in conditions_for_heads(filter) if filter else ():
        documents = yield from _documents(condition)
        made.append(Decision(condition, documents))
    return made


def filter_for_passages(filter: Filter | None, made: Sequence[Decision]) -> Filter | None:
    """The filter, with each decision in place of its condition."""
    return decided(filter, [each.documents.keys() for each in made]) if filter and made else filter


def still_right(made: Sequence[Decision], answers: Sequence[Sequence[ScoredPoint]]) -> IndexCalls[bool]:
    """Whether the decisions are still right for the hits: a document may have been replaced meanwhile."""
    for decision in made:
        matched, key = decision.documents, decision.condition.key
        hits = {
            document_key(point.payload): _digest(point.payload)
            for points in answers
            for point in points
            if document_key(point.payload) in matched or key in point.payload.get("at_head", ())
        }
        if any(each in matched and matched[each] != digest for each, digest in hits.items()):
            return False
        if hits:
            now = yield from _documents(decision.condition, hits)
            if any(now.get(each) != matched.get(each) for each in hits):
                return False
    return True


def with_whole_metadata(answers: Sequence[Sequence[ScoredPoint]]) -> IndexCalls[tuple[list[list[ScoredPoint]], bool]]:
    """The hits with their whole metadata, and whether all of them are of the revision that their head has now.

    Passages whose document has no head, or was deleted, are left out. If a document was replaced since the search, its
    hits get the new long strings.
    """
    ids = {head_id(point.payload) for points in answers for point in points if _is_short(point)}
    if not ids:
        return [list(points) for points in answers], True
    stored: list[Point] = yield index_calls.retrieve(sorted(ids), ["metadata", "metadata_digest"])
    heads = {head.id: head.payload for head in stored if "metadata" in head.payload}
    short = [point for points in answers for point in points if _is_short(point)]
    same = all(_digest(point.payload) == _digest(heads.get(head_id(point.payload), {})) for point in short)
    return [[_whole(point, heads) for point in points if _is_findable(point, heads)] for points in answers], same


def _documents(
    condition: HeadCondition, among: Collection[DocumentKey] | None = None
) -> IndexCalls[dict[DocumentKey, str]]:
    found: dict[DocumentKey, str] = {}
    offset = None
    while True:
        fields = ["doc_id", "metadata_digest", TENANT]
        heads, offset = yield index_calls.page(condition.heads(among), fields, offset)
        found |= {document_key(head.payload): _digest(head.payload) for head in heads}
        if len(found) > MAX_DOCUMENTS:
            raise InvalidFilter(
                f"a condition on long strings in 'metadata.{condition.key}' matches more than {MAX_DOCUMENTS:,} "
                "documents: add a condition on short values to 'must', so that it matches fewer"
            )
        if offset is None:
            return found


def _is_short(point: ScoredPoint) -> bool:
    return bool(point.payload["ordinal"]) and "at_head" in point.payload


def _is_findable(point: ScoredPoint, heads: Mapping[str, Any]) -> bool:
    return not _is_short(point) or head_id(point.payload) in heads


def _whole(point: ScoredPoint, heads: Mapping[str, Mapping[str, Any]]) -> ScoredPoint:
    if not _is_short(point):
        return point
    payload = point.payload
    metadata = completed(payload["metadata"], payload["at_head"], heads[head_id(point.payload)]["metadata"])
    return replace(point, payload={**payload, "metadata": metadata})


def _digest(payload: Mapping[str, Any]) -> str:
    return str(payload.get("metadata_digest"))
