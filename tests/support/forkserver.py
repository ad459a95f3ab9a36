"""Processes forked from one that has done the imports, which take most of a short process's time."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

IMPORTED = [
    *("celery.bin.celery", "celery.apps.worker", "celery.concurrency.thread", "kombu.transport.redis"),
    *("postings_ingest.worker.service", "postings_ingest.worker.consumer", "postings_ingest.worker.metrics"),
    *("postings.encoder.routes.onnx_splade", "postings.index.embedded", "postings.index.server"),
    *("postings_query", "typer.rich_utils", "rich.progress", "tests.support.qdrant_front"),
]
"""What workers, commands and servers import, but for the modules that read settings or look at the terminal."""

Method = Literal["forkserver", "spawn"]
"""``forkserver`` forks a process from one that has imported :data:`IMPORTED`; ``spawn`` starts a new interpreter."""


def process_context(method: Method = "forkserver") -> Any:
    """What the standard library starts processes with."""
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload(["__main__", *IMPORTED])
    return context


def forked(
    target: Callable[..., object],
    *arguments: object,
    environment: Mapping[str, str] | None = None,
    method: Method = "forkserver",
) -> BaseProcess:
    """Call a function in a process of its own, with an environment: by default, that of this process now."""
    environment = dict(os.environ if environment is None else environment)
    process = process_context(method).Process(target=_called, args=(environment, target, arguments), daemon=True)
    process.start()
    return process


def _called(environment: Mapping[str, str], target: Callable[..., object], arguments: Sequence[object]) -> None:
    # What it was forked from has the environment of when the first process was started.
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


def settle(folder: Path, out: Path, err: Path) -> None:
    """Give this process a working folder, and the files that it writes to."""
    os.chdir(folder)
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        with path.open("a") as file:
            os.dup2(file.fileno(), stream.fileno())
