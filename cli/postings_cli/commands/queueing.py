"""``postings ingest --queue``: queue documents, and show how workers index them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from postings import Document, PostingsError, Settings
from postings.errors import BrokerUnavailable
from postings_cli.bars import job_bar
from postings_cli.console import STOPPED, err, out, print_json
from postings_cli.error_text import error_text
from postings_cli.exit_status import INTERRUPTED

if TYPE_CHECKING:
    from postings_cli.remarks import Remarks
    from postings_ingest import Job, Producer
    from postings_ingest.counts import Counts

_NO_WORKER = "no worker is alive: start one with `postings worker`; Ctrl-C leaves the documents queued"
_INTERVAL = 0.3


def queue_documents(
    documents: Iterable[Document],
    settings: Settings,
    total: int | None,
    remarks: Remarks,
    *,
    wait: bool,
    as_json: bool,
) -> int:
    """Queue documents, wait for the workers if ``wait``, and report, even after an error; returns how many failed."""
    from postings_ingest import Producer

    began = time.monotonic()
    producer = Producer(settings)
    sent = 0
    counts: Counts | None = None

    def tell(error: str | None) -> None:
        seconds = time.monotonic() - began
        queued = sent - producer.unsent
        if as_json:
            fate = asdict(counts) if counts else {"submitted": queued}
            said = remarks.to_json(indexed=False)
            print_json({"job": producer.job.id, **fate, **said, "seconds": seconds, "error": error})
        elif error is None:
            out.print(_summary(producer.job.id, sent, counts, seconds))

    try:
        with _shown(producer.job, total), producer:
            for document in documents:
                producer.add(document)
                sent += 1
            producer.flush()
            if wait and sent:
                if not _workers(settings):
                    err.print(_NO_WORKER)
                for latest in producer.job.watch():
                    counts = latest
    except KeyboardInterrupt:
        tell(STOPPED)
        err.print(f"{STOPPED}: {_queued(producer, sent)}")
        raise typer.Exit(INTERRUPTED) from None
    except Exception as error:
        tell(error_text(error))
        if sent > producer.unsent:
            err.print(_queued(producer, sent))
        raise
    tell(None)
    if counts and counts.failed:
        err.print(f"{counts.failed:,} failed: `postings dead-letters list` says why")
    return counts.failed if counts else 0


@contextmanager
def _shown(job: Job, total: int | None) -> Iterator[None]:
    """Show the job's progress while documents are read and queued, and after."""
    ended = threading.Event()

    def poll() -> None:
        while not ended.wait(_INTERVAL):
            try:
                show(job.progress())
            except PostingsError:
                continue  # nothing was sent yet, or Redis is away, which the producer logs

    with job_bar(total) as show:
        thread = threading.Thread(target=poll, daemon=True)
        if err.is_terminal:
            thread.start()
        try:
            yield
        finally:
            ended.set()


def _workers(settings: Settings) -> bool:
    """Whether a worker is alive; if Redis can't be reached, one may be."""
    from postings_ingest import Ledger
    from postings_ingest.queue.status import queue_status

    try:
        return bool(queue_status(Ledger(settings)).workers)
    except BrokerUnavailable:
        return True


def _queued(producer: Producer, sent: int) -> str:
    """What a command that ends early has left in the queue."""
    left = f", {producer.unsent:,} were not sent" if producer.unsent else ""
    id = producer.job.id
    return (
        f"{sent - producer.unsent:,} documents are queued as job {id}{left}; "
        f"`postings status --watch --job {id}` follows them"
    )


def _summary(job: str, sent: int, counts: Counts | None, seconds: float) -> str:
    if counts is None:
        return f"{sent:,} documents queued in {seconds:.1f} s as job {job}"
    parts = [f"{counts.indexed:,} documents indexed"]
    if counts.unchanged:
        parts.append(f"{counts.unchanged:,} of them unchanged")
    parts += [f"{number:,} {name}" for name, number in asdict(counts).items() if name in _OTHERS and number]
    return f"{', '.join(parts)} in {seconds:.1f} s ({counts.done / max(seconds, 1e-9):,.0f} docs/s), job {job}"


_OTHERS = ("superseded", "deleted", "failed")
