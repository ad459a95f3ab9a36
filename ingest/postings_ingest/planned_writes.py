"""What is to be written for a document or a delete; nothing where the index holds it already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from postings import Document
from postings.digests import Digest
from postings.index.long_strings import shortened
from postings.index.models import CollectionModels
from postings.index.payload import passage_point
from postings.words import WORDS, WordsConfig
from postings.write_protocol import Outcome, Revision, Written
from postings_ingest.counts import Counts
from postings_ingest.stored import EncodedPassage, StoredDocument


@dataclass(frozen=True, slots=True)
class PlannedWrite(Revision):
    """A revision that is ready to be written, or that needs no write.

    Attributes:
        passages: passages of the document; 0 for a delete.
        stored: if nothing has to be written, the version that the index holds: this one or a newer one.
        unchanged: whether the index holds the same text, title and metadata, so that nothing was encoded.
        tenant: whose document it is; ``None`` without tenants.
        words: how its words were weighted; ``None`` if it is written without.
    """

    passages: int = 0
    stored: int | None = None
    unchanged: bool = False
    tenant: str | None = None
    words: WordsConfig | None = None

    @classmethod
    def deletion(cls, doc_id: str, version: int, now: int, tenant: str | None = None) -> Self:
        """Plan a delete, see :meth:`postings.write_protocol.Revision.deletion`."""
        return cls(doc_id, version, Revision.deletion(doc_id, version, now).points, tenant=tenant)

    @property
    def dims(self) -> int:
        """Active dims of all passages that are to be written, in the active model's vectors, which come first."""
        return sum(len(vector) for point in self.points for vector in list(point.vectors.values())[:1])

    @property
    def vectors(self) -> set[str]:
        """The names of the vectors that are to be written: those of models, and of the words."""
        return {name for point in self.points for name in point.vectors}

    def lacks(self, name: str) -> bool:
        """Whether passages are to be written without a vector of this name."""
        return self.outcome is Outcome.INDEXED and any(name not in point.vectors for point in self.points)

    def without_other_vectors(self, models: CollectionModels) -> Self:
        """Without vectors that the collection no longer has."""
        points = [
            replace(point, vectors={each: vector for each, vector in point.vectors.items() if each in models.vectors})
            for point in self.points
        ]
        return replace(self, points=tuple(points))

    @property
    def without_write(self) -> Written | None:
        """The result if nothing has to be written; ``None`` if it has to be."""
        if self.stored is None:
            return None
        return Written(Outcome.INDEXED if self.stored == self.version else Outcome.SUPERSEDED, self.stored)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A document to index, with what the index already holds of it.

    Attributes:
        document: the document.
        version: the version of this revision.
        digest: the document's digest.
        stored: the document, or its tombstone, in the index.
        tenant: whose document it is; ``None`` without tenants.
    """

    document: Document
    version: int
    digest: Digest
    stored: StoredDocument | None
    tenant: str | None = None

    @property
    def encoded(self) -> bool:
        """Whether the index holds the vectors of all its passages."""
        return self.stored is not None and self.stored.content == self.digest.content

    @property
    def unchanged(self) -> bool:
        """Whether it can differ from what the index holds only in its version."""
        return self.encoded and self.stored is not None and self.stored.metadata == self.digest.metadata

    def plan_if_stored(self) -> PlannedWrite | None:
        """Plan no write if the index holds this revision or a newer one; ``None`` if a write is needed."""
        stored = self.stored
        # The writer that should have removed stale points may have died: this one does it.
        if stored is None or stored.stale or self.version > stored.version:
            return None
        if self.version == stored.version and not self.unchanged:
            return None
        unchanged = self.version == stored.version
        return PlannedWrite(self.document.id, self.version, (), stored.passages, stored.version, unchanged, self.tenant)

    def plan(
        self, parts: Sequence[EncodedPassage], words: WordsConfig | None = None, *, unchanged: bool = False
    ) -> PlannedWrite:
        """Plan to write these passages.

        Args:
            parts: passages with their vectors; they may come from another version, or have other metadata.
            words: how their words were weighted.
            unchanged: whether the index held the document already.
        """
        # A document without active dims has no digest: it is encoded each time, so that each run reports it.
        active = any(len(vector) for part in parts for name, vector in part.vectors.items() if name != WORDS)
        digest = self.digest if active else None
        whole = self.document.metadata
        short, at_head = shortened(whole) if len(parts) > 1 else (whole, [])
        points = [
            passage_point(
                replace(part.passage, version=self.version, metadata=short if part.passage.ordinal else whole),
                part.vectors,
                digest,
                at_head,
                part.evidence,
            )
            for part in parts
        ]
        return PlannedWrite(
            self.document.id,
            self.version,
            tuple(points),
            len(points),
            unchanged=unchanged,
            tenant=self.tenant,
            words=words,
        )


@dataclass(frozen=True, slots=True)
class Indexed:
    """The result of writing some operations.

    Attributes:
        written: the result of each operation, in order.
        passages: passages that were written.
        write_seconds: time that writing took.
        counts: what became of the documents.
    """

    written: list[Written]
    passages: int
    write_seconds: float
    counts: Counts
