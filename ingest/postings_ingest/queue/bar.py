"""The bar that shows a job."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from postings_ingest.queue.counts import Counts


@contextmanager
def job_bar(total: int | None = None) -> Iterator[Callable[[Counts], None]]:
    """Show a bar on standard error while workers are at a job; on anything but a terminal, show nothing.

    Args:
        total: documents that will be submitted, if that is known; else those that were are the whole.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("indexing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents  {task.fields[rate]:,.0f} docs/s  {task.fields[failed]}"),
        TimeRemainingColumn(compact=True),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    began = time.monotonic()
    with bar:
        task = bar.add_task("", total=total, rate=0.0, failed="")

        def show(counts: Counts) -> None:
            failed = f"{counts.failed:,} failed" if counts.failed else ""
            rate = counts.done / max(time.monotonic() - began, 1e-9)
            bar.update(task, total=max(total or 0, counts.submitted), completed=counts.done, rate=rate, failed=failed)

        yield show
