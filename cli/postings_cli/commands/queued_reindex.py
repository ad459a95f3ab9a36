"""``postings reindex --queue``: let workers encode a collection with another model, and show how far they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from postings import Encoder, Index, Settings
from postings.errors import ConfigurationError, IndexUnavailable
from postings.index.collection_size import count_matching
from postings.index.payload import PASSAGES, without_vector
from postings_cli.console import err
from postings_ingest.reindexing import ReindexReport

_SECONDS = 1.0
_IDLE_LOOKS = 3


def queue_reindex(
    index: Index,
    encoder: Encoder,
    settings: Settings,
    rate: float | None,
    progress: Callable[[ReindexReport], None],
    *,
    wait: bool,
) -> ReindexReport:
    """Queue the slices of a collection; with ``wait``, return when all passages have vectors of the model.

    Raises:
        BrokerUnavailable: Redis can't be reached.
        ConfigurationError: workers can't open the index while this process waits for them.
        IndexUnavailable: the workers have nothing left to do, but passages still lack vectors.
    """
    if wait and index.exclusive:
        raise ConfigurationError(
            "workers can't open an index folder while this command has it open: leave --queue out, or pass --no-wait"
        )
    from postings_ingest import Ledger
    from postings_ingest.queue.celery_app import announce, celery_app
    from postings_ingest.queue.ledger import REINDEX
    from postings_ingest.queue.slices import queue_slices
    from postings_ingest.queue.status import queue_status

    began = time.monotonic()
    ledger, app = Ledger(settings), celery_app(settings)
    workers = queue_status(ledger).workers  # before the collection is changed: Redis may not be there
    index.add_model(encoder.fingerprint, encoder.location)

    def look() -> ReindexReport:
        passages = count_matching(index, PASSAGES)
        filled = max(passages - count_matching(index, without_vector(encoder.fingerprint)), 0)
        return ReindexReport(passages, filled, max(filled - at_first, 0), seconds=time.monotonic() - began)

    def queue(report: ReindexReport) -> None:
        queue_slices(ledger, partial(announce, app, settings), encoder.fingerprint, report.passages, rate)

    at_first = 0
    report = look()
    at_first = report.filled
    last_queued, idle = -1, 0
    if report.filled < report.passages and not wait:
        queue(report)
    if wait and not workers:
        err.print("no worker is alive: start one with `postings worker`; Ctrl-C leaves the passages queued")
    while wait and report.filled < report.passages:
        depth = ledger.depth()
        idle = 0 if depth.batches[REINDEX] or depth.in_flight else idle + 1
        # At first, and again if Redis has lost slices.
        if last_queued < 0 or idle >= _IDLE_LOOKS:
            if report.filled == last_queued:
                raise IndexUnavailable(
                    f"{report.passages - report.filled:,} passages still have no vector of {encoder.name!r}: "
                    "`postings dead-letters list` may say why"
                )
            queue(report)
            last_queued, idle = report.filled, 0
        time.sleep(_SECONDS)
        report = look()
        progress(report)
    return report
