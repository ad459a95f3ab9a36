"""What the index holds of documents already, so that they needn't be encoded again.

A document stands *whole* if each of its passages is there with the same digest, which names all that decided text and
vector. A run that was killed may leave some passages only, or passages of two revisions: these are written again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postings import Index, Passage, SparseVector
from postings.documents import point_id
from postings.errors import CollectionNotFound
from postings.index import Point
from postings.index.payload import of_documents, passage_from

_FIELDS = ["doc_id", "ordinal", "version", "passages", "digest", "metadata_digest"]
_POINTS = 256


@dataclass(frozen=True, slots=True)
class Standing:
    """A document, or a delete, as the index holds it.

    Attributes:
        version: of its head.
        passages: that the head says it has.
        content: the digest of its content, if all passages have it.
        metadata: the digest of its metadata, if all passages have it and the head's version.
        stale: whether there are points of older revisions too, which a write removes.
    """

    version: int
    passages: int
    content: str | None
    metadata: str | None
    stale: bool

    @classmethod
    def of(cls, points: Sequence[Point]) -> Standing | None:
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
        stale = any(
            each["version"] < version or (each["version"] == version and ordinal >= passages)
            for ordinal, each in payloads.items()
        )
        return cls(version, passages, content if whole else None, metadata if whole and same else None, stale)


def standing_documents(index: Index, ids: Sequence[str]) -> dict[str, Standing]:
    """What the index holds of some documents, by id; nothing where there is no collection yet."""
    points: dict[str, list[Point]] = defaultdict(list)
    try:
        for point in index.scroll(of_documents(ids), fields=_FIELDS) if ids else ():
            points[point.payload["doc_id"]].append(point)
    except CollectionNotFound:
        return {}
    return {id: found for id, each in points.items() if (found := Standing.of(each))}


def stored_passages(
    index: Index, documents: Mapping[str, Standing], fingerprint: str
) -> dict[str, list[tuple[Passage, SparseVector]]]:
    """The passages of documents that stand whole, each with its vector, in order.

    Args:
        index: that holds them.
        documents: by id, as they stood a moment ago; one that changed meanwhile is left out.
        fingerprint: of the model.
    """
    ids = [point_id(id, ordinal) for id, each in documents.items() for ordinal in range(each.passages)]
    found: dict[str, list[tuple[Passage, SparseVector]]] = {id: [] for id in documents}
    for start in range(0, len(ids), _POINTS):
        for point in index.retrieve(ids[start : start + _POINTS], vectors=[fingerprint]):
            id = point.payload["doc_id"]
            if point.payload.get("digest") == documents[id].content:
                vector = point.vectors.get(fingerprint, SparseVector([], []))
                found[id].append((passage_from(point.payload), vector))
    return {id: passages for id, passages in found.items() if len(passages) == documents[id].passages}
