"""``postings serve``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from postings.errors import ConfigurationError, MissingExtra
from postings_cli.console import err, printable
from postings_cli.options import Collection, IndexUrl, Model, settings_from


def serve(
    embedded: Annotated[bool, typer.Option("--embedded", help="Start the broker too, as a child process.")] = False,
    collection: Collection = None,
    index: IndexUrl = None,
    model: Model = None,
) -> None:
    """Run broker, worker and index in one command.

    Other processes reach the broker at POSTINGS_REDIS_URL. The queue is stored beside the index and survives a restart.

    Example: postings serve --embedded & postings ingest --queue articles.jsonl
    """
    if not embedded:
        raise ConfigurationError("expected --embedded: there is nothing else to serve yet")
    settings = settings_from(collection, index, model)
    try:
        from postings_ingest.worker.embedded import EmbeddedBroker, run_worker
    except ImportError as error:
        raise MissingExtra("worker", "running broker and worker") from error
    given = settings.to_environment()
    for name in [name for name in os.environ if name.upper() in given]:
        del os.environ[name]  # the broker would inherit keys and passwords
    with EmbeddedBroker(settings) as broker:
        os.environ |= given  # the worker's module reads its settings from here
        err.print(printable(f"broker at {broker.url}, its data in {broker.folder}; Ctrl-C ends"))
        status = run_worker()
    raise typer.Exit(status)
