"""From documents to points: chunk, encode, write."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from postings import Encoder, Index, Settings, SparseVector
from postings.clock import arrival_version
from postings.documents import Passage
from postings.errors import ConfigurationError
from postings.index.payload import of_documents, passage_point, tombstone_point
from postings.passages import passage_input
from postings.writes import Outcome, Revision, Written, write
from postings_ingest.chunking import split
from postings_ingest.operations import Deletion, Operation
from postings_ingest.tracing import span

_PASSAGE = 512  # tokens; longer ones have to be asked for: a hit should show what was looked for
_FAINT = 1e-6
_PART = 1024


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of some operations, in their order.

    Attributes:
        written: one for each: its outcome, and the version that the index holds now.
        passages: written for them.
        write_seconds: that writing took.
    """

    written: list[Written]
    passages: int
    write_seconds: float

    @property
    def outcomes(self) -> list[Outcome]:
        """One for each operation."""
        return [each.outcome for each in self.written]


class Indexer:
    """Brings documents and deletes into an index by the write protocol.

    Safe to repeat, and to use from several threads: one encodes while another writes.

    Args:
        encoder: its model must be the collection's.
        index: where to write.
        settings: passage length and overlap.

    Raises:
        ConfigurationError: passages are to be longer than the encoder's window.
    """

    def __init__(self, encoder: Encoder, index: Index, settings: Settings) -> None:
        self.encoder = encoder
        self.index = index
        self._tokens = settings.passage_tokens or min(encoder.window, _PASSAGE)
        if self._tokens > encoder.window:
            raise ConfigurationError(
                f"setting 'passage_tokens': the model {encoder.name!r} reads {encoder.window} tokens of a text, "
                f"got {self._tokens}"
            )
        self._overlap = settings.passage_overlap

    def encode(
        self,
        operations: Sequence[Operation],
        version: Callable[[], int] = arrival_version,
        check: Callable[[], object] = bool,
    ) -> list[Revision]:
        """What is to be written, in the order of the operations.

        Args:
            operations: so many that their vectors fit in memory.
            version: gives that of operations that bring none.
            check: called before each pass over the model; what it raises ends the work.
        """
        versions = [version() if operation.version is None else operation.version for operation in operations]
        passages = [
            []
            if isinstance(operation, Deletion)
            else split(operation, self.encoder, version=number, tokens=self._tokens, overlap=self._overlap)
            for operation, number in zip(operations, versions, strict=True)
        ]
        texts = [passage_input(self.encoder, part.title, part.text)[0] for parts in passages for part in parts]
        encoded: list[SparseVector] = []
        with span("postings.encode", passages=len(texts)):
            for start in range(0, len(texts), _PART):
                encoded += self.encoder.encode_documents(texts[start : start + _PART], check)
        vectors = iter(encoded)
        now = arrival_version()
        return [
            Revision.deletion(operation.id, number, now)
            if isinstance(operation, Deletion)
            else Revision(
                operation.id,
                number,
                tuple(passage_point(part, {self.encoder.fingerprint: next(vectors)}) for part in parts),
            )
            for operation, number, parts in zip(operations, versions, passages, strict=True)
        ]

    def write(self, revisions: Sequence[Revision], check: Callable[[], object] = bool) -> Indexed:
        """Bring revisions into the index; of several of a document the newest counts.

        Args:
            revisions: as :meth:`encode` gives them.
            check: called before each few hundred points; what it raises ends the work.

        Raises:
            IndexFailure: the engine failed; what was written before stays, and repeating it is safe.
        """
        began = time.perf_counter()
        with span("postings.upsert", documents=len(revisions)):
            written = write(self.index, revisions, check)
        passages = sum(bool(point.vectors) for revision in revisions for point in revision.points)
        return Indexed(written, passages, time.perf_counter() - began)

    def probe(self) -> None:
        """Write a passage that no search would rank, and delete it: does the index take anything at all?

        Raises:
            IndexFailure: it doesn't.
        """
        id = f"postings:probe:{uuid.uuid4()}"
        passage = Passage(id, 0, 0, 0, "", "", {}, version=0, passages=1)
        point = passage_point(passage, {self.encoder.fingerprint: SparseVector([0], [_FAINT])})
        # Should the worker die in between, the probe is swept as a document that was deleted.
        point = replace(point, payload={**point.payload, **tombstone_point(id, 0, arrival_version()).payload})
        self.index.upsert([point], newest=0)
        self.index.delete(of_documents([id]))
