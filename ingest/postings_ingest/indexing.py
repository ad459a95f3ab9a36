"""From documents to points: chunk, encode, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from postings import Encoder, Index, Settings
from postings.clock import arrival_version
from postings.index.payload import passage_point
from postings.passages import passage_input
from postings.writes import Outcome, Revision, write
from postings_ingest.chunking import split
from postings_ingest.operations import Deletion, Operation
from postings_ingest.tracing import span


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of some operations, in their order.

    Attributes:
        outcomes: one for each.
        passages: written for them.
        write_seconds: that writing took.
    """

    outcomes: list[Outcome]
    passages: int
    write_seconds: float


class Indexer:
    """Brings documents and deletes into an index by the write protocol.

    Safe to repeat, and to use from several threads: one encodes while another writes.

    Args:
        encoder: its model must be the collection's.
        index: where to write.
        settings: passage length and overlap.
    """

    def __init__(self, encoder: Encoder, index: Index, settings: Settings) -> None:
        self.encoder = encoder
        self.index = index
        self._tokens = min(settings.passage_tokens or encoder.window, encoder.window)
        self._overlap = settings.passage_overlap

    def run(self, operations: Sequence[Operation], version: Callable[[], int] = arrival_version) -> Indexed:
        """Index some documents and delete others; of several operations on a document the newest counts.

        Args:
            operations: so many that their vectors fit in memory.
            version: gives that of operations that bring none.

        Raises:
            IndexFailure: the engine failed; what was written before stays, and repeating it is safe.
        """
        versions = [version() if operation.version is None else operation.version for operation in operations]
        passages = [
            []
            if isinstance(operation, Deletion)
            else split(operation, self.encoder, version=number, tokens=self._tokens, overlap=self._overlap)
            for operation, number in zip(operations, versions, strict=True)
        ]
        texts = [passage_input(self.encoder, part.title, part.text)[0] for parts in passages for part in parts]
        with span("postings.encode", passages=len(texts)):
            vectors = iter(self.encoder.encode_documents(texts))
        now = arrival_version()
        revisions = [
            Revision.deletion(operation.id, number, now)
            if isinstance(operation, Deletion)
            else Revision(
                operation.id,
                number,
                tuple(passage_point(part, {self.encoder.fingerprint: next(vectors)}) for part in parts),
            )
            for operation, number, parts in zip(operations, versions, passages, strict=True)
        ]
        began = time.perf_counter()
        with span("postings.upsert", documents=len(revisions)):
            outcomes = write(self.index, revisions)
        return Indexed(outcomes, len(texts), time.perf_counter() - began)
