"""Ingestion in one process: chunk, encode, write."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from postings import Document, Encoder, Index, Settings
from postings.clock import arrival_version
from postings.index.payload import passage_point
from postings.passages import passage_input
from postings.writes import Outcome, Revision, sweep_tombstones, write
from postings_ingest.chunking import split

_DOCUMENTS = 64
_CHARACTERS = 500_000


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did so far.

    Attributes:
        documents: read and brought to the index, ``indexed + superseded``.
        indexed: now stand in the index in the version that came.
        superseded: left out, because the index, or the run itself, held a newer version.
        passages: written for them.
        seconds: since the run began.
    """

    documents: int = 0
    indexed: int = 0
    superseded: int = 0
    passages: int = 0
    seconds: float = 0.0


class Pipeline:
    """Chunks documents, encodes the passages and writes them by the write protocol.

    Running the same documents again is safe at any time: what was written stays once, newer versions win, and a
    run that was killed is completed by the next.

    Args:
        encoder: its model must be the collection's, if the collection stands.
        index: where to write; created by the first run.
        settings: passage length and overlap, retention of tombstones.

    Example:
        >>> with open_index(settings) as index:
        ...     report = Pipeline(Encoder.load("tiny"), index).run([Document("1", "A man is eating food.")])
        >>> report.indexed
        1
    """

    def __init__(self, encoder: Encoder, index: Index, settings: Settings | None = None) -> None:
        self._encoder = encoder
        self._index = index
        self._settings = settings or Settings()

    def run(self, documents: Iterable[Document], progress: Callable[[Report], None] | None = None) -> Report:
        """Ingest documents; memory doesn't grow with their number.

        Args:
            documents: any iterable; it is read as it is written.
            progress: called after each batch with the report so far.

        Raises:
            ModelMismatch: the collection was built with another model.
            IndexFailure: the engine failed. Batches that ``progress`` was told of are kept.
        """
        began = time.monotonic()
        self._index.ensure(self._encoder.fingerprint, self._encoder.name)
        report = Report()
        for batch in _batches(documents):
            revisions = self._revisions(batch)
            outcomes = Counter(write(self._index, revisions))
            report = Report(
                documents=report.documents + len(batch),
                indexed=report.indexed + outcomes[Outcome.INDEXED],
                superseded=report.superseded + outcomes[Outcome.SUPERSEDED],
                passages=report.passages + sum(len(revision.points) for revision in revisions),
                seconds=time.monotonic() - began,
            )
            if progress:
                progress(report)
        sweep_tombstones(self._index, arrival_version() - self._settings.tombstone_retention * 1000)
        return report

    def _revisions(self, documents: list[Document]) -> list[Revision]:
        encoder = self._encoder
        tokens = min(self._settings.passage_tokens or encoder.window, encoder.window)
        versions = [arrival_version() if document.version is None else document.version for document in documents]
        passages = [
            split(document, encoder, version=version, tokens=tokens, overlap=self._settings.passage_overlap)
            for document, version in zip(documents, versions, strict=True)
        ]
        texts = [passage_input(encoder, passage.title, passage.text)[0] for parts in passages for passage in parts]
        vectors = iter(encoder.encode_documents(texts))
        return [
            Revision(
                document.id,
                version,
                tuple(passage_point(passage, {encoder.fingerprint: next(vectors)}) for passage in parts),
            )
            for document, version, parts in zip(documents, versions, passages, strict=True)
        ]


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    characters = 0
    for document in documents:
        batch.append(document)
        characters += len(document.text)
        if len(batch) >= _DOCUMENTS or characters >= _CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
