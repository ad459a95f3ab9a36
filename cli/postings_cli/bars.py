"""Progress of long commands: a bar on a terminal, a line from time to time in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from postings_cli.console import err, printable, say

if TYPE_CHECKING:
    from postings_ingest import Counts, Report


SECONDS = 30.0
"""Seconds between two lines of progress."""


class _Lines:
    """Prints how far a command is, where there is no terminal for a bar."""

    def __init__(self) -> None:
        self._due = time.monotonic() + SECONDS

    def __call__(self, what: str, done: int, total: float | None, rest: str = "") -> None:
        if not err.is_terminal and time.monotonic() >= self._due:
            self._due = time.monotonic() + SECONDS
            of = f" of {total:,}" if total else ""
            say(f"{what}: {done:,}{of}{rest}")


@contextmanager
def ingest_bar(total: int | None) -> Iterator[Callable[[Report], None]]:
    """Show a bar while documents are ingested."""
    bar = Progress(
        TextColumn("ingesting"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("documents  {task.fields[rate]:,.0f} docs/s "),
        TimeRemainingColumn(compact=True),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
    line = _Lines()
    with bar:
        task = bar.add_task("", total=total, rate=0.0)

        def show(report: Report) -> None:
            rate = report.documents / max(report.seconds, 1e-9)
            bar.update(task, completed=report.documents, rate=rate)
            line("ingesting", report.documents, total, f" documents, {rate:,.0f}/s")

        yield show


@contextmanager
def reindex_bar() -> Iterator[Callable[[int, int, float], None]]:
    """Show a bar while passages are encoded with another model: call it with passages done, in all, and a second."""
    bar = Progress(
        TextColumn("reindexing"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("passages  {task.fields[rate]:,.0f}/s "),
        TimeRemainingColumn(compact=True),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
    line = _Lines()
    with bar:
        task = bar.add_task("", total=None, rate=0.0)

        def show(done: int, total: int, rate: float) -> None:
            bar.update(task, completed=done, total=total, rate=rate)
            line("reindexing", done, total, f" passages, {rate:,.0f}/s")

        yield show


@contextmanager
def job_bar(total: int | None) -> Iterator[Callable[[Counts], None]]:
    """Show a bar while workers are working on a job.

    Args:
        total: the number of documents that will be submitted, if it is known; by default those submitted so far.
    """
    bar = Progress(
        TextColumn("indexing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents  {task.fields[rate]:,.0f} docs/s  {task.fields[failed]}"),
        TimeRemainingColumn(compact=True),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
    began, line = time.monotonic(), _Lines()
    with bar:
        task = bar.add_task("", total=total, rate=0.0, failed="")

        def show(counts: Counts) -> None:
            failed = f"{counts.failed:,} failed" if counts.failed else ""
            rate = counts.done / max(time.monotonic() - began, 1e-9)
            of = max(total or 0, counts.submitted)
            bar.update(task, total=of, completed=counts.done, rate=rate, failed=failed)
            line("indexing", counts.done, of, f" documents, {rate:,.0f}/s")

        yield show


@contextmanager
def steps_bar(console: Console = err) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each step: call it with the step's name, how much is done, and the total (0 if unknown).

    The bar is shown only during a step, so that it never shares a line with the bar of a download between two steps.
    """
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("", total=None)
    shown, line = "", _Lines()

    def show(what: str, done: int, total: int) -> None:
        nonlocal shown
        what = printable(what)
        bar.start()
        if what != shown or done < bar.tasks[0].completed:
            shown = what
            bar.reset(task, description=what, total=total or None, completed=done)
        else:
            bar.update(task, completed=done, total=total or None)
        if total and done >= total:
            bar.stop()
        line(what, done, total)

    try:
        yield show
    finally:
        bar.stop()
