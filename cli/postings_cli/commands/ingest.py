"""``postings ingest``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from postings import Document, Settings, open_index
from postings.collection_models import collection_encoder
from postings.errors import InvalidDocument, ReaderError
from postings_cli.bars import ingest_bar
from postings_cli.commands.queueing import queue_documents
from postings_cli.console import STOPPED, out, print_json, printable, say
from postings_cli.error_text import error_text
from postings_cli.exit_status import INTERRUPTED, REJECTED
from postings_cli.left_out import LeftOut
from postings_cli.options import Collection, IndexUrl, Json, Model, settings_from
from postings_cli.outputs import refuse_inputs
from postings_cli.rejected import Rejected
from postings_cli.remarks import Remarks
from postings_ingest import Pipeline, Rejection, Report, estimate_documents, read_documents
from postings_ingest.journal import Journal
from postings_ingest.readers import Format
from postings_ingest.readers.cells import read_types
from postings_ingest.tenants import Tenants


def ingest(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="JSONL, JSON, CSV, TSV, Parquet, text, Markdown, HTML (each also .gz or .zst), BEIR folder, folder of "
            "texts, ir-datasets:ID, or - (stdin).",
        ),
    ],
    collection: Collection = None,
    index: IndexUrl = None,
    model: Model = None,
    format: Annotated[
        Format | None,
        typer.Option("--format", help="Format of every PATH. By default, from its name.", show_default=False),
    ] = None,
    id_field: Annotated[
        str | None, typer.Option("--id-field", help="Field or column with the id, instead of id or _id.")
    ] = None,
    text_field: Annotated[
        str | None, typer.Option("--text-field", help="Field or column with the text, instead of text.")
    ] = None,
    title_field: Annotated[
        str | None, typer.Option("--title-field", help="Field or column with the title, instead of title.")
    ] = None,
    types: Annotated[
        str | None,
        typer.Option(
            "--types",
            metavar="COLUMN=TYPE,…",
            help="Types of CSV and TSV columns: text, integer, float or boolean. By default, from the cells.",
        ),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            "--rejects", help="Write rejected records to this file, as JSON Lines that can be ingested again."
        ),
    ] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Queue the documents; workers encode them (`postings worker`).")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="With --queue: wait for the workers.")] = True,
    as_json: Json = False,
) -> None:
    """Encode documents and index them.

    A record has an id and a text, and optionally a title, metadata and a version; other fields become metadata. The id
    of a text file is its path as you name it. Records that can't be used are reported, and the exit status is then 3.
    Correct what `--rejects` kept in that file, and ingest it.

    Example: postings ingest articles.jsonl notes/ --collection articles --rejects rejects.jsonl

    Example: postings ingest shop.csv --id-field sku --text-field description --types zip=text,price=float

    Example: curl https://example.com/articles.json | postings ingest - --format json

    Example: postings ingest --queue articles.jsonl --no-wait
    """
    if not (wait or queue):
        raise typer.BadParameter("it needs --queue", param_hint="--no-wait")
    settings = settings_from(collection, index, model)
    reading = _Reading(format, id_field, text_field, title_field, _types(types))
    totals = [estimate_documents(path, **asdict(reading)) for path in paths]
    total = None if None in totals else sum(count or 0 for count in totals)
    if rejects is not None:
        refuse_inputs("--rejects", rejects, paths, settings)
    tenants = Tenants.of_settings(settings)
    with Journal(tenants) as journal, Rejected(rejects) as rejected:
        remarks = Remarks(journal, rejected, LeftOut())
        documents = _documents(paths, reading, remarks, tenants)
        failed = 0
        try:
            if queue:
                documents = journal.find_duplicates(documents)
                failed = queue_documents(documents, settings, total, remarks, wait=wait, as_json=as_json)
            else:
                _index(documents, settings, total, remarks, as_json=as_json)
        finally:
            remarks.say()
        if not (journal.report.documents or rejected.count):
            say("the input holds no document")
    if rejected.count or failed:
        raise typer.Exit(REJECTED)


def _index(
    documents: Iterator[Document], settings: Settings, total: int | None, remarks: Remarks, *, as_json: bool
) -> None:
    """Index documents in this process, and report: also when it fails midway."""
    report = Report()

    def tell(error: str | None) -> None:
        if as_json:
            print_json({**asdict(report), **remarks.to_json(indexed=True), "error": error})
        elif error != STOPPED:
            out.print(printable(_summary(report, remarks.rejected.count, settings.collection)))

    try:
        with open_index(settings) as opened:
            encoder = collection_encoder(settings, opened)
            with ingest_bar(total) as show:

                def progress(current: Report) -> None:
                    nonlocal report
                    report = current
                    show(current)

                report = Pipeline(encoder, opened, settings).run(documents, progress, remarks.journal)
    except KeyboardInterrupt:
        tell(STOPPED)
        kept = _counted(report.indexed, "document")
        say(f"{STOPPED}: {kept} kept in the collection; run it again to go on")
        raise typer.Exit(INTERRUPTED) from None
    except Exception as error:
        if report.documents or remarks.rejected.count or as_json:
            tell(error_text(error))
        raise
    tell(None)


@dataclass(frozen=True, slots=True)
class _Reading:
    """How paths are read, by the names of the options of ``read_documents``."""

    format: Format | None
    id_field: str | None
    text_field: str | None
    title_field: str | None
    types: dict[str, str]


def _documents(paths: list[str], reading: _Reading, remarks: Remarks, tenants: Tenants) -> Iterator[Document]:
    for path in paths:
        for document in read_documents(path, remarks.rejected, remarks.left_out, **asdict(reading)):
            try:
                yield tenants.assigned(document)
            except InvalidDocument as error:
                file, _, line = (document.source or path).rpartition(":")
                place = (file, int(line)) if line.isdecimal() else (path, 0)
                record = asdict(document)
                remarks.rejected(Rejection.of(*place, error, json.dumps(record), record))


def _types(option: str | None) -> dict[str, str]:
    """The types of columns by name, from ``year=integer,price=float``."""
    try:
        return read_types(option or "")
    except ReaderError as error:
        raise typer.BadParameter(str(error), param_hint="--types") from error


def _summary(report: Report, rejected: int, collection: str) -> str:
    rate = report.documents / max(report.seconds, 1e-9)
    indexed, passages = _counted(report.indexed, "document"), _counted(report.passages, "passage")
    parts = [f"{indexed} ({passages}) indexed into {collection!r}"]
    if report.unchanged:
        parts.append(f"{report.unchanged:,} of them unchanged")
    if report.superseded:
        parts.append(f"{report.superseded:,} superseded by newer versions")
    if report.duplicates:
        parts.append(_counted(report.duplicates, "duplicate"))
    if rejected:
        parts.append(f"{rejected:,} rejected")
    return f"{', '.join(parts)} in {report.seconds:.1f} s ({rate:,.0f} docs/s)"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
