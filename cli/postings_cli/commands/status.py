"""``postings status``."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from postings.errors import BrokerUnavailable, MissingExtra
from postings_cli.console import err, out, print_json, printable
from postings_cli.options import Collection, Json, settings_from
from postings_ingest.counts import Counts
from postings_ingest.queue.durability import warn_of_losses
from postings_ingest.queue.job import Job, job_fields
from postings_ingest.queue.ledger import Ledger
from postings_ingest.queue.status import QueueStatus, queue_status
from postings_ingest.throttled_log import ThrottledLog

if TYPE_CHECKING:
    from rich.console import RenderableType

log = logging.getLogger(__name__)

_INTERVAL = 1.0


def status(
    collection: Collection = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Repeat until Ctrl-C, or until the --job is finished.")
    ] = False,
    as_json: Json = False,
    job: Annotated[
        str | None, typer.Option(metavar="ID", help="Show only this job, by the id that `ingest` prints.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Serve the queue's metrics on this port, for Prometheus and KEDA.", min=0, max=65535),
    ] = None,
    host: Annotated[str, typer.Option(help="Address that --port listens on.")] = "127.0.0.1",
) -> None:
    """Show the queue, the workers and the jobs.

    With --port, serves /metrics, /ready and /live until it is stopped, even while no worker runs.

    Example: postings status --watch

    Example: postings status --job 5f0c1c9b3d2e4f6a8b7c9d0e1f2a3b4c --watch
    """
    settings = settings_from(collection)
    ledger = Ledger(settings)
    if port is not None:
        serve_metrics(ledger, host, port)
        return
    look = _job_look(ledger, job) if job is not None else _queue_look(ledger)
    first = look()
    warn_of_losses(ledger)
    if not watch:
        print_json(first.fields) if as_json else out.print(first.shown)
    elif as_json or not out.is_terminal:
        for found in _looks(ledger, first, look):
            print_json(found.fields)
            sys.stdout.flush()  # a pipe would else be written to once some KiB have gathered
    else:
        with Live(first.shown, console=out, auto_refresh=False) as live:
            for found in _looks(ledger, first, look):
                live.update(found.shown, refresh=True)


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look shows."""

    fields: dict[str, Any]
    shown: RenderableType
    finished: bool = False


def _queue_look(ledger: Ledger) -> Callable[[], _Look]:
    def look() -> _Look:
        found = queue_status(ledger)
        return _Look(as_fields(found), shown(found))

    return look


def _job_look(ledger: Ledger, id: str) -> Callable[[], _Look]:
    job = Job(ledger, id)

    def look() -> _Look:
        counts = job.progress()
        return _Look(job_fields(id, counts), Text(printable(f"job  {_job_line(id, counts)}")), counts.finished)

    return look


def _looks(ledger: Ledger, first: _Look, look: Callable[[], _Look]) -> Iterator[_Look]:
    """The first look and those after it, until there is nothing more to see; a Redis that is away is waited for."""
    throttled = ThrottledLog(log)
    found = first
    yield found
    while not found.finished:
        time.sleep(_INTERVAL)
        try:
            found = look()
        except BrokerUnavailable as error:
            throttled.warn("away", "waiting: %s", error)
            continue
        throttled.recovered("away", "%s answers again", ledger.address)
        yield found


def serve_metrics(ledger: Ledger, host: str, port: int) -> None:
    """Answer Prometheus until SIGTERM or Ctrl-C."""
    try:
        from prometheus_client import CollectorRegistry

        from postings_ingest.worker.health import HealthServer
        from postings_ingest.worker.metrics import QueueMetrics
    except ImportError as error:
        raise MissingExtra("worker", "serving metrics") from error
    registry = CollectorRegistry()
    registry.register(QueueMetrics(ledger))
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    server = HealthServer(registry, lambda: True, host, port)
    err.print(f"http://{host}:{server.port}/metrics")
    stopped.wait()
    server.stop()


def as_fields(found: QueueStatus) -> dict[str, Any]:
    """What ``--json`` prints."""
    rate = sum(worker.documents_per_second for worker in found.workers)
    return {**asdict(found), "documents_per_second": rate}


def shown(found: QueueStatus) -> RenderableType:
    """What people see."""
    fields = as_fields(found)
    grid = Table.grid(padding=(0, 2))
    left = fields["queued"] + fields["in_flight"]
    rate = fields["documents_per_second"]
    ends = f", {left / rate:,.0f} s left" if rate and left else ""
    batches = ", ".join(f"{count:,} {queue}" for queue, count in found.batches.items())
    grid.add_row("queued", f"{found.queued:,} documents (batches: {batches}; oldest {found.oldest_seconds:.0f} s)")
    grid.add_row("in flight", f"{found.in_flight:,} documents")
    grid.add_row("dead letters", f"{found.dead_letters:,}")
    grid.add_row("rate", f"{rate:,.0f} docs/s{ends}")
    if not found.workers:
        grid.add_row("workers", "none: start one with `postings worker`")
    for worker in found.workers:
        state = "ready" if worker.ready else worker.trouble or "starting"
        done = f"{worker.documents:,} documents, {worker.documents_per_second:,.0f} docs/s"
        line = f"{worker.name}  {state}  {done}, {worker.batches_in_flight} in flight, {worker.device}"
        grid.add_row("worker", Text(printable(line)))
    for job, counts in found.jobs.items():
        grid.add_row("job", Text(printable(_job_line(job, counts))))
    return grid


def _job_line(id: str, counts: Counts) -> str:
    unchanged = f" ({counts.unchanged:,} unchanged)" if counts.unchanged else ""
    return (
        f"{id}  {counts.done:,} of {counts.submitted:,}: {counts.indexed:,} indexed{unchanged}, "
        f"{counts.deleted:,} deleted, {counts.superseded:,} superseded, {counts.failed:,} failed"
    )
