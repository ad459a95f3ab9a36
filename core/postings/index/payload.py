"""How passages and tombstones are stored: payload fields, and filters on them.

======================  =================================================================================
field                   meaning
======================  =================================================================================
``doc_id``              the document's id (keyword index)
``ordinal``             the passage's number in the document, from 0 (integer index)
``version``             the document's version, on every passage (integer index)
``passages``            number of passages of this version of the document
``start``, ``end``      the passage's character offsets in the document's text
``title``, ``text``     shown to users
``before``              if it isn't spaces alone: the white space in front of the passage, which no passage holds
``after``               if there is any, in the last passage: the white space after it
``metadata``            the user's own fields; filter on ``metadata.<key>``
``at_head``             if there are any, keys of the metadata with long strings, which are stored whole only in
                        passage 0 (keyword index), see :mod:`postings.index.long_strings`
``digest``              hash of all that decides the document's passages and vectors, see :mod:`postings.digests`
``metadata_digest``     hash of the document's metadata
``deleted_at``          tombstones only: when the document was deleted, ms since the epoch (integer index)
``evidence``            what activated the entries of each model's vector, by the first characters of its fingerprint,
                        see :mod:`postings.stored_evidence`
``tenant``              the tenant that the document belongs to, if it has one (keyword index, as tenant), see
                        :mod:`postings.index.tenants`
======================  =================================================================================
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from postings.arguments import as_list
from postings.digests import Digest
from postings.documents import Passage, point_id
from postings.errors import ConfigurationError, InvalidInput
from postings.index.protocol import Filter, Point
from postings.vectors import SparseVector

TENANT = "tenant"
"""The payload field with the tenant of a document."""

EVIDENCE = "evidence"
"""The payload field with what :mod:`postings.stored_evidence` packs."""

_OF_FINGERPRINT = 8  # characters; what is packed tells by itself which model it is of

DocumentKey: TypeAlias = "tuple[str | None, str]"
"""A document's tenant, or ``None`` for a document without one and in a tenant's own index, and its id."""

_PASSAGE_FIELDS = ("doc_id", "ordinal", "version", "passages", "start", "end", "title", "text", "metadata")
"""What every passage has."""

_TENANTS = uuid.UUID("d0a1d6a6-3f0c-5d0e-8b57-6d1b0a5e4c93")

INDEXED_FIELDS: Mapping[str, str] = {
    "doc_id": "keyword",
    "ordinal": "integer",
    "version": "integer",
    "deleted_at": "integer",
    "at_head": "keyword",
    "tenant": "keyword",
}
"""Payload fields that every collection indexes, with their Qdrant schema types."""


def indexed_fields(metadata: Mapping[str, str]) -> dict[str, str]:
    """All payload fields to index, with their types: those of Postings, and those of ``metadata``.

    Example:
        >>> indexed_fields({"lang": "keyword"})["metadata.lang"]
        'keyword'
    """
    return {**INDEXED_FIELDS, **{f"metadata.{key}": kind for key, kind in metadata.items()}}


TOMBSTONES: Filter = {"must": [{"key": "deleted_at", "range": {"gte": 0}}]}
"""The heads of deleted documents."""

PASSAGES: Filter = {"must": [{"key": "ordinal", "range": {"gte": 0}}], "must_not": TOMBSTONES["must"]}
"""All passages, without tombstones of deleted documents, and without other clients' points, which have no ordinal."""

REVISION_FIELDS = ("version", "digest", "title", "text")
"""What to read of a point for :func:`unchanged_since`, and to encode its text."""

HIT_FIELDS = (*_PASSAGE_FIELDS, "at_head", "metadata_digest", TENANT)
"""What to read of a point for a hit that isn't explained: all but what is for writers, and the evidence."""

HEADS: Filter = {"must": [{"key": "ordinal", "match": {"value": 0}}]}
"""One point for each document, including deleted ones."""


def payload_to_read(fields: Iterable[str] | None) -> bool | list[str]:
    """What to ask an engine for: ``True`` for all fields, ``False`` for none; given an empty list, it would read all.

    Raises:
        InvalidInput: ``fields`` isn't a list of strings.
    """
    return True if fields is None else as_list("fields", fields, str, InvalidInput) or False


def passage_point(
    passage: Passage,
    vectors: Mapping[str, SparseVector],
    digest: Digest | None = None,
    at_head: Sequence[str] = (),
    evidence: Mapping[str, str] | None = None,
) -> Point:
    """The point that stores a passage.

    Args:
        passage: what to store.
        vectors: by the fingerprint of their model.
        digest: of its document; without one, the document is encoded again each time it is ingested.
        at_head: as returned by :func:`postings.index.long_strings.shortened`.
        evidence: packed, by the fingerprint of the model.
    """
    payload: dict[str, Any] = {
        "doc_id": passage.doc_id,
        "ordinal": passage.ordinal,
        "version": passage.version,
        "passages": passage.passages,
        "start": passage.start,
        "end": passage.end,
        "title": passage.title,
        "text": passage.text,
        "metadata": passage.metadata,
    }
    if passage.before.strip(" "):
        payload["before"] = passage.before
    if passage.after:
        payload["after"] = passage.after
    if digest is not None:
        payload |= {"digest": digest.content, "metadata_digest": digest.metadata}
    if at_head:
        payload["at_head"] = list(at_head)
    if evidence:
        payload[EVIDENCE] = {fingerprint[:_OF_FINGERPRINT]: packed for fingerprint, packed in evidence.items()}
    return Point(passage.id, payload, vectors)


def tombstone_point(doc_id: str, version: int, deleted_at: int) -> Point:
    """The head of a deleted document: it keeps the version, but has no vector, so no search finds it."""
    payload = {"doc_id": doc_id, "ordinal": 0, "version": version, "passages": 1, "deleted_at": deleted_at}
    return Point(point_id(doc_id, 0), payload)


def passage_from(payload: Mapping[str, Any]) -> Passage:
    """Read the passage that :func:`passage_point` stored; long strings may be shortened."""
    return Passage(
        doc_id=payload["doc_id"],
        ordinal=payload["ordinal"],
        start=payload["start"],
        end=payload["end"],
        text=payload["text"],
        title=payload["title"],
        metadata=payload["metadata"],
        version=payload["version"],
        passages=payload["passages"],
        before=payload.get("before", ""),
        after=payload.get("after", ""),
    )


def is_passage(payload: Mapping[str, Any]) -> bool:
    """Whether a point is a passage, rather than one that another client made.

    Example:
        >>> is_passage({"title": "of another client"})
        False
    """
    return payload.keys() >= set(_PASSAGE_FIELDS)


def evidence_from(payload: Mapping[str, Any], fingerprint: str) -> str | None:
    """The packed evidence of a model, if there is one."""
    stored = payload.get(EVIDENCE)
    packed = stored.get(fingerprint[:_OF_FINGERPRINT]) if isinstance(stored, Mapping) else None
    return packed if isinstance(packed, str) else None


def of_documents(doc_ids: Iterable[str]) -> Filter:
    """All points of these documents."""
    return {"must": [{"key": "doc_id", "match": {"any": list(doc_ids)}}]}


def of_tenant(tenant: str) -> Filter:
    """All points of a tenant."""
    return {"must": [{"key": TENANT, "match": {"value": tenant}}]}


def document_key(payload: Mapping[str, Any]) -> DocumentKey:
    """The document that a point belongs to; two tenants may have documents with the same id."""
    return payload.get(TENANT), payload["doc_id"]


def of_keys(keys: Iterable[DocumentKey]) -> Filter:
    """All points of these documents, see :func:`document_key`."""
    by_tenant: dict[str | None, list[str]] = defaultdict(list)
    for tenant, doc_id in keys:
        by_tenant[tenant].append(doc_id)
    parts = [
        of_documents(doc_ids) if tenant is None else {"must": [of_tenant(tenant), of_documents(doc_ids)]}
        for tenant, doc_ids in by_tenant.items()
    ]
    return parts[0] if len(parts) == 1 else {"should": parts}


def stored_id(tenant: str, id: str) -> str:
    """The id under which a tenant's point is stored; ``id`` is its :func:`postings.documents.point_id`.

    Example:
        >>> stored_id("acme", point_id("intro", 0)) != stored_id("globex", point_id("intro", 0))
        True
    """
    return str(uuid.uuid5(uuid.uuid5(_TENANTS, tenant), str(uuid.UUID(id))))


def key_point_id(key: DocumentKey, ordinal: int) -> str:
    """The id of a document's point, as the index that gave its :func:`document_key` takes it."""
    tenant, doc_id = key
    id = point_id(doc_id, ordinal)
    return id if tenant is None else stored_id(tenant, id)


def head_id(payload: Mapping[str, Any]) -> str:
    """The id of the head of a point's document, as the index that gave the point takes it."""
    return key_point_id(document_key(payload), 0)


def check_without_tenant(payload: Mapping[str, Any]) -> None:
    """Check that a writer who knows no tenants met no document of one.

    Raises:
        ConfigurationError: the document belongs to a tenant.
    """
    if (tenant := payload.get(TENANT)) is not None:
        raise ConfigurationError(
            f"the collection has a document {payload['doc_id']!r} of tenant {tenant!r}: set POSTINGS_TENANT_FIELD, so "
            "that tenants' documents with the same id are kept apart"
        )


def without_vector(fingerprint: str) -> Filter:
    """Passages that have no vector of a model."""
    return {**PASSAGES, "must_not": [*PASSAGES["must_not"], {"has_vector": fingerprint}]}


def unchanged_since(points: Sequence[Point]) -> Filter:
    """Points whose text is still the one that was read.

    The digest says so by itself. Passages without one, of documents without active dims, are told by version and text.

    Args:
        points: as they were read, with the fields :data:`REVISION_FIELDS`.
    """
    unchanged: dict[tuple[tuple[str, Any], ...], list[str]] = defaultdict(list)
    for point in points:
        fields = ("digest",) if "digest" in point.payload else ("version", "title", "text")
        unchanged[tuple((field, point.payload[field]) for field in fields)].append(point.id)
    return {
        "should": [
            {"must": [{"has_id": ids}, *({"key": field, "match": {"value": value}} for field, value in content)]}
            for content, ids in unchanged.items()
        ]
    }
