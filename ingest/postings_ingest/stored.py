"""What the index already holds, so that unchanged documents needn't be encoded again.

A document is stored *whole* if all its passages have the same digest. The digest covers everything that decides text
and vector. A run that was killed may leave only some passages, or passages of two revisions: these are written again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from postings import Index, Passage, SparseVector
from postings.batching import batched
from postings.documents import point_id
from postings.errors import CollectionNotFound
from postings.index import Point
from postings.index.payload import TENANT, check_without_tenant, evidence_from, of_documents, passage_from
from postings.index.revisions import is_stale

_FIELDS = ["doc_id", "ordinal", "version", "passages", "digest", "metadata_digest", TENANT]
_POINTS = 256


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document, or the tombstone of a deleted one, in the index.

    Attributes:
        version: the version of its head.
        passages: the number of passages according to its head.
        content: the digest of its content, if all passages have it.
        metadata: the digest of its metadata, if all passages have it and the head's version.
        stale: whether points of older revisions are left, which the next write removes.
    """

    version: int
    passages: int
    content: str | None
    metadata: str | None
    stale: bool

    @classmethod
    def of(cls, points: Sequence[Point]) -> StoredDocument | None:
        """The document that has these points; ``None`` without a head."""
        payloads = {point.payload["ordinal"]: point.payload for point in points}
        if 0 not in payloads:
            return None
        head = payloads[0]
        version, passages = head["version"], head["passages"]
        content, metadata = head.get("digest"), head.get("metadata_digest")
        there = [payloads[ordinal] for ordinal in range(passages) if ordinal in payloads]
        whole = len(there) == passages and all(each.get("digest") == content for each in there)
        same = all((each["version"], each.get("metadata_digest")) == (version, metadata) for each in there)
        stale = any(is_stale(each, version, passages) for each in payloads.values())
        return cls(version, passages, content if whole else None, metadata if whole and same else None, stale)


def stored_documents(index: Index, ids: Sequence[str]) -> dict[str, StoredDocument]:
    """Look documents up in the index.

    Returns:
        Those that are stored, by id; none if the collection doesn't exist yet.
    """
    points: dict[str, list[Point]] = defaultdict(list)
    try:
        for point in index.scroll(of_documents(ids), fields=_FIELDS) if ids else ():
            check_without_tenant(point.payload)
            points[point.payload["doc_id"]].append(point)
    except CollectionNotFound:
        return {}
    return {id: found for id, each in points.items() if (found := StoredDocument.of(each))}


@dataclass(frozen=True, slots=True)
class EncodedPassage:
    """A passage, with vectors and packed evidence by the fingerprint of their model, that of the active model first."""

    passage: Passage
    vectors: dict[str, SparseVector]
    evidence: dict[str, str] = field(default_factory=dict)


def stored_passages(
    index: Index, documents: Mapping[str, StoredDocument], fingerprints: Sequence[str]
) -> dict[str, list[EncodedPassage]]:
    """Read the passages of documents that are stored whole.

    Args:
        index: the index that holds them.
        documents: the documents by id, as they were a moment ago.
        fingerprints: those of the collection's models.

    Returns:
        Each document's passages in order, with the vectors and the evidence that they have, by id. A document that has
        changed meanwhile is left out.
    """
    ids = [point_id(id, ordinal) for id, each in documents.items() for ordinal in range(each.passages)]
    found: dict[str, list[EncodedPassage]] = {id: [] for id in documents}
    for some in batched(ids, _POINTS):
        for point in index.retrieve(some, vectors=fingerprints):
            id = point.payload["doc_id"]
            if point.payload.get("digest") == documents[id].content:
                vectors = {each: point.vectors[each] for each in fingerprints if each in point.vectors}
                evidence = {each: packed for each in vectors if (packed := evidence_from(point.payload, each))}
                found[id].append(EncodedPassage(passage_from(point.payload), vectors, evidence))
    return {id: parts for id, parts in found.items() if len(parts) == documents[id].passages}
