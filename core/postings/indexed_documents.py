"""Documents as they are in an index: read by id, or exported one after another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from postings.arguments import as_list
from postings.batching import batched
from postings.documents import Document, Passage, check_id
from postings.errors import InvalidInput
from postings.index.document_filter import ALL_DOCUMENTS, heads_of_documents
from postings.index.payload import TENANT, DocumentKey, document_key, key_point_id, passage_from
from postings.index.protocol import Filter, Index, Point
from postings.vectors import SparseVector

VECTORS = "_passages"
"""The field of an exported document with the vectors of its passages, which ingestion leaves out."""

_POINTS = 256
_TRIES = 4


def _ignore(id: str) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """A document of an index.

    Attributes:
        document: the document, as it was ingested, with its version.
        passages: its passages, in order.
        vectors: the vectors of each passage that were read, by the fingerprint of their model.
    """

    document: Document
    passages: tuple[Passage, ...] = field(hash=False)
    vectors: tuple[Mapping[str, SparseVector], ...] = field(hash=False)

    @classmethod
    def of(cls, points: Sequence[Point]) -> Self | None:
        """Put a document together from its points; ``None`` if they aren't exactly those of one revision."""
        ordered = sorted(points, key=lambda point: int(point.payload["ordinal"]))
        head = ordered[0].payload
        revision = [(head["version"], head.get("digest"), ordinal) for ordinal in range(head["passages"])]
        if [
            (each.payload["version"], each.payload.get("digest"), each.payload["ordinal"]) for each in ordered
        ] != revision:
            return None
        passages = tuple(replace(passage_from(each.payload), metadata=head["metadata"]) for each in ordered)
        text = _text_of(passages)
        if text is None:
            return None
        document = Document(head["doc_id"], text, head["title"], head["metadata"], head["version"])
        return cls(document, passages, tuple(point.vectors for point in ordered))

    def to_json(self, *, vectors: bool = False) -> dict[str, Any]:
        """Convert to a JSON object, which ``postings ingest`` reads.

        Args:
            vectors: whether to add the vectors that were read.
        """
        document = self.document
        record: dict[str, Any] = {
            "id": document.id,
            "title": document.title,
            "text": document.text,
            "metadata": dict(document.metadata),
            "version": document.version,
        }
        if vectors:
            record[VECTORS] = [
                {
                    "start": passage.start,
                    "end": passage.end,
                    "vectors": {
                        name: {"indices": vector.indices.tolist(), "values": vector.values.tolist()}
                        for name, vector in each.items()
                    },
                }
                for passage, each in zip(self.passages, self.vectors, strict=True)
            ]
        return record


def get_document(index: Index, id: str, *, vectors: Sequence[str] = ()) -> IndexedDocument | None:
    """Read a document by its id.

    Args:
        index: the collection.
        id: of the document.
        vectors: the models, by fingerprint, whose vectors are read.

    Returns:
        The document; ``None`` if there is none, or it is only partly stored because it is being written, or its writer
        died.

    Raises:
        CollectionNotFound: the collection doesn't exist.
        InvalidDocument: no document can have this id.

    Example:
        >>> get_document(index, "1").document.text
        'A man is eating food.'
    """
    check_id(id)
    return next(iter(_whole(index, {(None, id): 1}, as_list("vectors", vectors, str, InvalidInput))), None)


def export_documents(
    index: Index,
    filter: Filter | None = None,
    *,
    vectors: Sequence[str] = (),
    incomplete: Callable[[str], object] = _ignore,
) -> Iterator[IndexedDocument]:
    """Read all documents; memory doesn't grow with their number.

    Deleted documents are left out. A document that is written meanwhile comes in the revision that is found, or not at
    all if it is new.

    Args:
        index: the collection.
        filter: of the documents, on the id, title, version or metadata; by default all.
        vectors: the models, by fingerprint, whose vectors are read.
        incomplete: called with the id of a document that is only partly stored, because its writer died.

    Raises:
        CollectionNotFound: the collection doesn't exist.
        InvalidFilter: the filter isn't one, or selects passages rather than documents.

    Example:
        >>> sorted(each.document.id for each in export_documents(index))[:3]
        ['1', '2', '3']
    """
    heads = ALL_DOCUMENTS if filter is None else heads_of_documents(filter)
    names = as_list("vectors", vectors, str, InvalidInput)

    def read() -> Iterator[IndexedDocument]:
        points = index.scroll(heads, fields=["doc_id", "passages", TENANT])
        for some in batched(points, _POINTS, lambda head: int(head.payload["passages"])):
            yield from _whole(
                index, {document_key(head.payload): head.payload["passages"] for head in some}, names, incomplete
            )

    return read()


def _whole(
    index: Index,
    wanted: Mapping[DocumentKey, int],
    vectors: Sequence[str],
    incomplete: Callable[[str], object] = _ignore,
) -> Iterator[IndexedDocument]:
    """Read documents, given their numbers of passages; those that change meanwhile are read again."""
    left = dict(wanted)
    for _ in range(_TRIES):
        points = _points(index, left, vectors)
        left = {}
        for key, found in points.items():
            head = found[0].payload
            if head["ordinal"] != 0 or "deleted_at" in head:
                continue
            if (whole := IndexedDocument.of(found)) is not None:
                yield whole
            else:
                left[key] = head["passages"]
        if not left:
            return
    for _, id in left:
        incomplete(id)


def _points(index: Index, wanted: Mapping[DocumentKey, int], vectors: Sequence[str]) -> dict[DocumentKey, list[Point]]:
    """The points of documents, in the order of their passages."""
    found: dict[DocumentKey, list[Point]] = defaultdict(list)
    ids = [key_point_id(key, ordinal) for key, passages in wanted.items() for ordinal in range(passages)]
    for some in batched(ids, _POINTS):
        for point in index.retrieve(some, vectors=vectors):
            found[document_key(point.payload)].append(point)
    return found


def _text_of(passages: Sequence[Passage]) -> str | None:
    """The text of a document, from its passages, which may overlap; ``None`` if they don't fit together."""
    parts: list[str] = []
    length = 0
    for passage in passages:
        gap = passage.start - length
        if gap > 0:
            parts.append(passage.before or " " * gap)
        parts.append(passage.text[max(-gap, 0) :])
        length = passage.end
        if len(passage.text) != passage.end - passage.start or (passage.before and len(passage.before) != gap):
            return None
    return "".join(parts) + passages[-1].after
