"""Ingestion in one process: chunk, encode, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from postings import Document, Encoder, Index, Settings
from postings.clock import arrival_version
from postings.write_protocol import sweep_tombstones
from postings_ingest.arrivals import Arrival, Arrivals
from postings_ingest.indexing import Indexer
from postings_ingest.intake import Check, Intake


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did so far.

    Attributes:
        documents: read and brought to the index, ``indexed + superseded + duplicates``.
        indexed: now stand in the index in the version that came.
        superseded: left out, because the index holds a newer version.
        passages: in the index, of those indexed.
        seconds: since the run began.
        duplicates: documents whose id had come before in the run; of each id the newest version counts, among equal
            ones the last.
        without_dims: of those indexed, documents that no search can find, for the model gave them no active dim.
        unchanged: of those indexed, documents that stood in the index as they came, so that they weren't encoded again.
    """

    documents: int = 0
    indexed: int = 0
    superseded: int = 0
    passages: int = 0
    seconds: float = 0.0
    duplicates: int = 0
    without_dims: int = 0
    unchanged: int = 0


class Pipeline:
    """Chunks documents, encodes the passages and writes them by the write protocol.

    Running the same documents again is safe at any time: what was written stays once, newer versions win, and a
    run that was killed is completed by the next. It is fast, too: text that the index holds isn't encoded again, and of
    an unchanged document nothing is written. (On a server, one without a version is written with its time of arrival:
    an older revision may be waiting elsewhere.)

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
        self._settings = Settings.given(settings)

    def run(
        self,
        documents: Iterable[Document],
        progress: Callable[[Report], None] | None = None,
        arrivals: Arrivals | None = None,
    ) -> Report:
        """Ingest documents; memory doesn't grow with their number.

        The source is read in the calling thread, while what it gave before is encoded and written in another. If it
        fails, what it gave is written before its error is raised. Ctrl-C lets the batch in flight be written, a second
        one gives up between two passes over the model or two writes, a third ends the run at once.

        Args:
            documents: any iterable; it is read as it is written.
            progress: called after each batch with the report so far, in the thread that writes.
            arrivals: to ask afterwards which ids came twice, and which documents were superseded or can't be found.

        Raises:
            ConfigurationError: passages are to be longer than the encoder's window.
            ModelMismatch: the collection was built with another model.
            IndexFailure: the engine failed. Batches that ``progress`` was told of are kept.
            StorageFull: the folder for temporary files is full.
        """
        began = time.monotonic()
        indexer = Indexer(self._encoder, self._index, self._settings)
        self._index.ensure(self._encoder.fingerprint, self._encoder.name)
        with ExitStack() as stack:
            noted = stack.enter_context(Arrivals()) if arrivals is None else arrivals

            def report() -> Report:
                return Report(
                    documents=noted.documents,
                    indexed=noted.indexed,
                    superseded=noted.superseded,
                    passages=noted.passages,
                    seconds=time.monotonic() - began,
                    duplicates=noted.duplicates,
                    without_dims=noted.without_dims,
                    unchanged=noted.unchanged,
                )

            def work(batch: list[Document], check: Check) -> float:
                start = time.monotonic()
                prepared = indexer.encode(batch, check=check)
                encoded = time.monotonic()
                written = indexer.write(prepared, check).written
                noted.note(list(zip(batch, map(Arrival.of, prepared, written), strict=True)))
                if progress:
                    progress(report())
                # Writing may take long for other reasons than the size of a batch.
                return encoded - start

            Intake(work).run(documents)
            sweep_tombstones(self._index, arrival_version() - self._settings.tombstone_retention * 1000)
            return report()
