"""A revision to write, or none where the index holds it already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from postings import Document, Passage, SparseVector
from postings.digests import Digest
from postings.index.long_strings import shortened
from postings.index.payload import passage_point
from postings.write_protocol import Outcome, Revision, Written
from postings_ingest.standing import Standing


@dataclass(frozen=True, slots=True)
class Prepared(Revision):
    """A revision that is ready to be written, as far as that is needed.

    Attributes:
        passages: of the document, 0 of a delete.
        stored: where nothing is to be written, the version that the index holds: this one or a newer one.
        unchanged: text, title and metadata are those that the index holds, so that nothing was encoded.
    """

    passages: int = 0
    stored: int | None = None
    unchanged: bool = False

    @classmethod
    def deletion(cls, doc_id: str, version: int, now: int) -> Self:
        """As :meth:`postings.write_protocol.Revision.deletion`."""
        return cls(doc_id, version, Revision.deletion(doc_id, version, now).points)

    @property
    def dims(self) -> int:
        """Active dims of all passages that are to be written."""
        return sum(len(vector) for point in self.points for vector in point.vectors.values())

    def settled(self) -> Written | None:
        """What became of it without a write; ``None`` if it has to be written."""
        if self.stored is None:
            return None
        return Written(Outcome.INDEXED if self.stored == self.version else Outcome.SUPERSEDED, self.stored)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A document on its way into the index, beside what the index holds of it.

    Attributes:
        document: the one to index.
        version: of this revision.
        digest: of the document.
        standing: the document in the index, or its delete.
    """

    document: Document
    version: int
    digest: Digest
    standing: Standing | None

    @property
    def encoded(self) -> bool:
        """Whether the index holds the vectors of all its passages."""
        return self.standing is not None and self.standing.content == self.digest.content

    @property
    def unchanged(self) -> bool:
        """Whether nothing but the version can differ from what the index holds."""
        return self.encoded and self.standing is not None and self.standing.metadata == self.digest.metadata

    def settled(self) -> Prepared | None:
        """What came of it if the index holds it as it is, or a newer revision."""
        stands = self.standing
        # The writer that should have removed stale points may have died: this one does it.
        if stands is None or stands.stale or self.version > stands.version:
            return None
        if self.version == stands.version and not self.unchanged:
            return None
        unchanged = self.version == stands.version
        return Prepared(self.document.id, self.version, (), stands.passages, stands.version, unchanged)

    def prepare(
        self, passages: Sequence[tuple[Passage, SparseVector]], fingerprint: str, *, unchanged: bool = False
    ) -> Prepared:
        """The revision to write: passages and vectors, which may be those of another version or with other metadata."""
        # A document without active dims has no digest: it is encoded each time, so that each run reports it.
        digest = self.digest if any(len(vector) for _, vector in passages) else None
        whole = self.document.metadata
        short, at_head = shortened(whole) if len(passages) > 1 else (whole, [])
        points = [
            passage_point(
                replace(passage, version=self.version, metadata=short if passage.ordinal else whole),
                {fingerprint: vector},
                digest,
                at_head,
            )
            for passage, vector in passages
        ]
        return Prepared(self.document.id, self.version, tuple(points), len(points), unchanged=unchanged)
