"""From documents to points: chunk, encode, write."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from postings import Document, Encoder, Index, Settings, SparseVector
from postings.clock import arrival_version
from postings.digests import Digest
from postings.documents import Passage
from postings.errors import ConfigurationError
from postings.index.payload import of_documents, passage_point, tombstone_point
from postings.passages import passage_input
from postings.write_protocol import Outcome, Written, write
from postings_ingest.chunking import split
from postings_ingest.operations import Deletion, Operation
from postings_ingest.prepared import Incoming, Prepared
from postings_ingest.standing import Standing, standing_documents, stored_passages
from postings_ingest.tracing import span

_PASSAGE = 512  # tokens; longer ones have to be asked for: a hit should show what was looked for
_FAINT = 1e-6
_MAKING = 1  # grows when documents are cut, or passages encoded, in another way: all are encoded again then
_PART = 1024


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of some operations, in their order.

    Attributes:
        written: one for each: its outcome, and the version that the index holds now.
        passages: written for them.
        write_seconds: that writing took.
        unchanged: documents of those indexed that stood there as they came, but for the version.
    """

    written: list[Written]
    passages: int
    write_seconds: float
    unchanged: int = 0

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
        self._making = f"{_MAKING} {encoder.fingerprint} {encoder.precision} {self._tokens} {self._overlap}"

    def encode(
        self,
        operations: Sequence[Operation],
        version: Callable[[], int] | None = None,
        check: Callable[[], object] = bool,
    ) -> list[Prepared]:
        """What is to be written, in the order of the operations.

        Only what the index doesn't hold is encoded. A document of which nothing but the metadata or the version has
        changed is written with the vectors that it has; of one that stands as it came, or newer, nothing is written.

        Args:
            operations: so many that their vectors fit in memory.
            version: gives that of operations that bring none; by default the time of arrival. Where nobody else writes
                to the index meanwhile, an unchanged document then keeps its stored version, and nothing is written.
            check: called before each pass over the model; what it raises ends the work.

        Raises:
            IndexFailure: the engine can't be read.
        """
        # Of several operations on a document, each may change what the next one finds: they are all written.
        times = Counter(operation.id for operation in operations)
        stands = standing_documents(self.index, [id for id, number in times.items() if number == 1])
        prepared: dict[int, Prepared] = {}
        incoming: dict[int, Incoming] = {}
        for at, operation in enumerate(operations):
            number = version() if operation.version is None and version else operation.version
            if isinstance(operation, Deletion):
                number = arrival_version() if number is None else number
                prepared[at] = Prepared.deletion(operation.id, number, arrival_version())
                continue
            came = self._incoming(operation, number, stands.get(operation.id))
            if settled := came.settled():
                prepared[at] = settled
            else:
                incoming[at] = came
        for work in (self._copy, self._encode):
            prepared |= work({at: came for at, came in incoming.items() if at not in prepared}, check)
        return [prepared[at] for at in range(len(operations))]

    def _incoming(self, document: Document, version: int | None, standing: Standing | None) -> Incoming:
        came = Incoming(document, version or 0, Digest.of(document, self._making), standing)
        if version is not None:
            return came
        keeps = standing is not None and came.unchanged and self.index.exclusive
        return replace(came, version=standing.version if standing and keeps else arrival_version())

    def _copy(self, incoming: Mapping[int, Incoming], check: Callable[[], object]) -> dict[int, Prepared]:
        """Those of which the index holds the vectors."""
        check()
        places = {came.document.id: at for at, came in incoming.items() if came.encoded}
        standing = {id: stands for id, at in places.items() if (stands := incoming[at].standing)}
        found = stored_passages(self.index, standing, self.encoder.fingerprint)
        return {
            (at := places[id]): incoming[at].prepare(
                passages, self.encoder.fingerprint, unchanged=incoming[at].unchanged
            )
            for id, passages in found.items()
        }

    def _encode(self, incoming: Mapping[int, Incoming], check: Callable[[], object]) -> dict[int, Prepared]:
        """Those that have to be encoded."""
        passages = [
            split(came.document, self.encoder, version=came.version, tokens=self._tokens, overlap=self._overlap)
            for came in incoming.values()
        ]
        texts = [passage_input(self.encoder, part.title, part.text)[0] for parts in passages for part in parts]
        encoded: list[SparseVector] = []
        with span("postings.encode", passages=len(texts)):
            for start in range(0, len(texts), _PART):
                encoded += self.encoder.encode_documents(texts[start : start + _PART], check)
        vectors = iter(encoded)
        return {
            at: came.prepare([(part, next(vectors)) for part in parts], self.encoder.fingerprint)
            for (at, came), parts in zip(incoming.items(), passages, strict=True)
        }

    def write(self, prepared: Sequence[Prepared], check: Callable[[], object] = bool) -> Indexed:
        """Bring revisions into the index; of several of a document the newest counts.

        Args:
            prepared: as :meth:`encode` gives them.
            check: called before each few hundred points; what it raises ends the work.

        Raises:
            IndexFailure: the engine failed; what was written before stays, and repeating it is safe.
        """
        began = time.perf_counter()
        revisions = [each for each in prepared if each.stored is None]
        with span("postings.upsert", documents=len(revisions)):
            fresh = iter(write(self.index, revisions, check))
        written = [each.settled() or next(fresh) for each in prepared]
        unchanged = sum(
            each.unchanged and fate.outcome is Outcome.INDEXED for each, fate in zip(prepared, written, strict=True)
        )
        passages = sum(each.passages for each in revisions)
        return Indexed(written, passages, time.perf_counter() - began, unchanged)

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
