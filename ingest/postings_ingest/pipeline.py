"""Ingestion in one process: chunk, encode, write."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from postings import Document, Encoder, Index, Settings
from postings.clock import arrival_version
from postings.writes import Outcome, sweep_tombstones
from postings_ingest.indexing import Indexer
from postings_ingest.operations import micro_batches


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
            ConfigurationError: passages are to be longer than the encoder's window.
            ModelMismatch: the collection was built with another model.
            IndexFailure: the engine failed. Batches that ``progress`` was told of are kept.
        """
        began = time.monotonic()
        indexer = Indexer(self._encoder, self._index, self._settings)
        self._index.ensure(self._encoder.fingerprint, self._encoder.name)
        report = Report()
        for batch in micro_batches(documents):
            indexed = indexer.run(batch)
            outcomes = Counter(indexed.outcomes)
            report = Report(
                documents=report.documents + len(batch),
                indexed=report.indexed + outcomes[Outcome.INDEXED],
                superseded=report.superseded + outcomes[Outcome.SUPERSEDED],
                passages=report.passages + indexed.passages,
                seconds=time.monotonic() - began,
            )
            if progress:
                progress(report)
        sweep_tombstones(self._index, arrival_version() - self._settings.tombstone_retention * 1000)
        return report
