"""``postings worker``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from postings.errors import MissingExtra
from postings_cli.options import Collection, IndexUrl, Model, settings_from


def worker(
    collection: Collection = None,
    index: IndexUrl = None,
    model: Model = None,
    device: Annotated[
        str | None,
        typer.Option(help="Where to encode: auto, cpu, cuda, cuda:1… (POSTINGS_DEVICE).", show_default=False),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="Batches in flight: one encodes, the others write (POSTINGS_WORKER_THREADS).", min=1),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Serve /metrics, /ready and /live on this port (POSTINGS_WORKER_PORT).", min=1, max=65535),
    ] = None,
) -> None:
    """Encode and index what is queued.

    A worker that is killed is started again. After Ctrl-C or SIGTERM, it finishes the batches in flight.

    Example: POSTINGS_REDIS_URL=redis://localhost:6379 postings worker --collection articles --port 9090
    """
    settings = settings_from(collection, index, model, device=device, worker_threads=threads, worker_port=port)
    try:
        import celery  # noqa: F401
        import prometheus_client  # noqa: F401

        from postings_ingest import Ledger
        from postings_ingest.queue.celery_app import celery_app
        from postings_ingest.worker.supervisor import supervise, worker_command
    except ImportError as error:
        raise MissingExtra("worker", "running a worker") from error
    # An address that can't be read is reported here, not by the worker process.
    Ledger(settings)
    celery_app(settings)
    environment = {**os.environ, **settings.to_environment()}
    raise typer.Exit(supervise(worker_command(events=settings.worker_events), environment))
