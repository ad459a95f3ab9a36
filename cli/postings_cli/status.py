"""``postings status``."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from postings.errors import MissingExtra
from postings_cli.console import err, out, print_json, printable
from postings_cli.options import Collection, Json, settings_from
from postings_ingest.queue.ledger import Ledger
from postings_ingest.queue.status import QueueStatus, queue_status

if TYPE_CHECKING:
    from rich.console import RenderableType

_INTERVAL = 1.0


def status(
    collection: Collection = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on until Ctrl-C.")] = False,
    as_json: Json = False,
    port: Annotated[
        int | None,
        typer.Option(help="Serve the queue's figures on this port, for Prometheus and KEDA.", min=0, max=65535),
    ] = None,
    host: Annotated[str, typer.Option(help="Address that --port listens on.")] = "127.0.0.1",
) -> None:
    """Say what is queued and in hand, which workers live, and how the latest jobs fare.

    With --port, answers /metrics, /ready and /live until it is stopped: also while no worker runs.

    Example: postings status --watch
    """
    settings = settings_from(collection)
    ledger = Ledger(settings)
    if port is not None:
        serve_metrics(ledger, host, port)
        return
    if not watch:
        found = queue_status(ledger)
        if as_json:
            print_json(as_fields(found))
        else:
            out.print(shown(found))
        return
    if as_json or not out.is_terminal:
        while True:
            print_json(as_fields(queue_status(ledger)))
            time.sleep(_INTERVAL)
    with Live(shown(queue_status(ledger)), console=out, auto_refresh=False) as live:
        while True:
            time.sleep(_INTERVAL)
            live.update(shown(queue_status(ledger)), refresh=True)


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
    err.print(f"http://{host}:{server.port}/metrics", markup=False)
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
        line = f"{worker.name}  {state}  {worker.documents:,} documents, {worker.documents_per_second:,.0f} docs/s"
        grid.add_row("worker", Text(printable(f"{line}, {worker.in_hand} in hand, {worker.device}")))
    for job, counts in found.jobs.items():
        grid.add_row(
            "job",
            f"{job}  {counts.done:,} of {counts.submitted:,}: {counts.indexed:,} indexed, {counts.deleted:,} deleted, "
            f"{counts.superseded:,} superseded, {counts.failed:,} failed",
        )
    return grid
