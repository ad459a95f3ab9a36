"""``postings ingest``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Self, TextIO

import typer

from postings import Document, Encoder, open_index
from postings.errors import ReaderError
from postings_cli.console import err, out, print_json, printable
from postings_cli.options import Collection, IndexUrl, Json, Model, settings_from
from postings_cli.progress import ingest_bar
from postings_cli.queueing import queue_documents
from postings_ingest import Pipeline, Rejection, Report, estimate_documents, read_documents

REJECTED = 3
"""Exit status: all went through, but some records were rejected."""

INTERRUPTED = 130

_SHOWN = 10


def ingest(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="JSONL, CSV, TSV, Parquet, BEIR folder, folder of texts, or - (stdin)."),
    ],
    collection: Collection = None,
    index: IndexUrl = None,
    model: Model = None,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", help="Write rejected records to this file, as JSON Lines.")
    ] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Queue the documents; workers encode them (`postings worker`).")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="With --queue: wait for the workers.")] = True,
    as_json: Json = False,
) -> None:
    """Read documents, encode them and bring them into a collection.

    A record has id, text, and if you like title, metadata and version; other fields go into the metadata.
    Records that can't be used are reported and left out; the exit status is then 3.

    Example: postings ingest articles.jsonl notes/ --collection articles --rejects rejects.jsonl

    Example: postings ingest --queue articles.jsonl --no-wait
    """
    settings = settings_from(collection, index, model)
    totals = [estimate_documents(path) for path in paths]
    total = None if None in totals else sum(count or 0 for count in totals)
    if queue:
        with _Rejected(rejects) as rejected:
            failed = queue_documents(
                _documents(paths, rejected), settings, total, lambda: rejected.count, wait=wait, as_json=as_json
            )
        if rejected.count or failed:
            raise typer.Exit(REJECTED)
        return
    report = Report()
    with _Rejected(rejects) as rejected, open_index(settings) as opened:
        encoder = Encoder.from_settings(settings)
        try:
            with ingest_bar(total) as show:

                def progress(current: Report) -> None:
                    nonlocal report
                    report = current
                    show(current)

                report = Pipeline(encoder, opened, settings).run(_documents(paths, rejected), progress)
        except KeyboardInterrupt:
            kept = _counted(report.documents, "document")
            err.print(f"interrupted: {kept} kept in the collection; run it again to go on")
            raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json({**asdict(report), "rejected": rejected.count})
    else:
        out.print(_summary(report, rejected.count, settings.collection))
    if rejected.count:
        raise typer.Exit(REJECTED)


class _Rejected:
    """Counts rejections, shows the first few, and writes all of them to a file."""

    def __init__(self, path: Path | None) -> None:
        self.count = 0
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._file = self._path.open("w", encoding="utf-8")
            except OSError as error:
                raise ReaderError(f"--rejects {self._path} can't be written: {error.strerror}") from error
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._file is not None:
            self._file.close()
        if self.count > _SHOWN:
            err.print(f"… and {self.count - _SHOWN} more rejected", markup=False)

    def __call__(self, rejection: Rejection) -> None:
        self.count += 1
        if self._file is not None:
            self._file.write(json.dumps(rejection.to_json(), ensure_ascii=False) + "\n")
            self._file.flush()
        if self.count <= _SHOWN:
            place = f"{rejection.file}:{rejection.line}" if rejection.line else rejection.file
            err.print(printable(f"rejected {place}: {rejection.reason}"), markup=False)


def _documents(paths: list[str], rejected: _Rejected) -> Iterator[Document]:
    for path in paths:
        yield from read_documents(path, rejected)


def _summary(report: Report, rejected: int, collection: str) -> str:
    rate = report.documents / max(report.seconds, 1e-9)
    indexed, passages = _counted(report.indexed, "document"), _counted(report.passages, "passage")
    parts = [f"{indexed} ({passages}) indexed into {collection!r}"]
    if report.superseded:
        parts.append(f"{report.superseded} superseded by newer versions")
    if rejected:
        parts.append(f"{rejected} rejected")
    return f"{', '.join(parts)} in {report.seconds:.1f} s ({rate:,.0f} docs/s)"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
