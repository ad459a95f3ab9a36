"""Ingestion in one process: chunk, encode, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace

from postings import Document, Encoder, Index, Settings
from postings.arguments import check_callback
from postings.clock import seconds_ago
from postings.errors import InvalidInput
from postings.index.tenant_index import bound
from postings.words import configured
from postings.write_protocol import sweep_tombstones
from postings_ingest.indexing import Indexer
from postings_ingest.intake import Check, Intake
from postings_ingest.journal import Entry, Journal
from postings_ingest.report import Report
from postings_ingest.tenants import Tenants


class Pipeline:
    """Chunks documents, encodes the passages and writes them by the write protocol.

    It is always safe to run the same documents again: nothing is written twice, newer versions win, and a run that was
    killed is completed by the next. It is also fast: text that the index holds isn't encoded again, and nothing is
    written for an unchanged document. (On a server, an unchanged document without a version is written with its time
    of arrival, because an older revision may be waiting elsewhere.)

    Args:
        encoder: the model; if the collection exists, it must be the collection's.
        index: where to write; the first run creates the collection.
        settings: passage length and overlap, how long tombstones are kept, and the tenants.

    Example:
        >>> with open_index(settings) as index:
        ...     report = Pipeline(Encoder.load("tiny"), index).run([Document("1", "A man is eating food.")])
        >>> report.indexed
        1
    """

    def __init__(self, encoder: Encoder, index: Index, settings: Settings | None = None) -> None:
        self._settings = Settings.given(settings)
        self._encoder = Encoder.given(encoder)
        self._index = bound(index, self._settings)
        self._tenants = Tenants.of_index(self._index, self._settings)

    def run(
        self,
        documents: Iterable[Document],
        progress: Callable[[Report], None] | None = None,
        journal: Journal | None = None,
    ) -> Report:
        """Ingest documents; memory doesn't grow with their number.

        The source is read in the calling thread, while earlier documents are encoded and written in another. If the
        source fails, the documents that it gave are written before its error is raised. After Ctrl-C the batch in
        flight is still written; after a second one, the run ends before the next pass over the model or the next
        write; after a third, at once.

        Args:
            documents: any iterable; it is read as it is written.
            progress: called after each batch with the report so far, in the thread that writes.
            journal: records which ids came twice, and which documents were superseded or can't be found.

        Raises:
            ConfigurationError: ``passage_tokens`` exceeds the encoder's window.
            InvalidDocument: where tenants share a collection, a document names none; those before it are written.
            ModelMismatch: the collection was built with another model.
            IndexFailure: the engine failed. The batches that were reported to ``progress`` are kept.
            StorageFull: the folder for temporary files is full.
            InvalidInput: ``progress`` can't be called.
        """
        check_callback("progress", progress, InvalidInput)
        began = time.monotonic()
        indexer = Indexer(self._encoder, self._index, self._settings)
        self._index.ensure(self._encoder.fingerprint, self._encoder.location, configured(self._settings))
        with ExitStack() as stack:
            noted = stack.enter_context(Journal(self._tenants)) if journal is None else journal

            def report() -> Report:
                return replace(noted.report, seconds=time.monotonic() - began)

            def work(batch: list[Document], check: Check) -> float:
                start = time.monotonic()
                planned = indexer.encode(batch, check=check)
                encoded = time.monotonic()
                written = indexer.write(planned, check).written
                noted.note(list(zip(batch, map(Entry.of, planned, written), strict=True)))
                if progress:
                    progress(report())
                # Writing may take long for other reasons than the size of a batch.
                return encoded - start

            Intake(work).run(self._tenants.each_assigned(documents))
            sweep_tombstones(self._index, seconds_ago(self._settings.tombstone_retention))
            return report()
