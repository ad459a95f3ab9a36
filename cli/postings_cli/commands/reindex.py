"""``postings reindex``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from postings import Encoder, open_index
from postings.collection_models import names_model
from postings.errors import ConfigurationError, InvalidInput
from postings_cli.bars import reindex_bar
from postings_cli.commands.queued_reindex import queue_reindex
from postings_cli.console import STOPPED, out, print_json, printable, say
from postings_cli.exit_status import INTERRUPTED
from postings_cli.options import Collection, IndexUrl, Json, ModelToAdd, settings_from
from postings_ingest.rates import checked_rate
from postings_ingest.reindexing import ReindexReport
from postings_ingest.reindexing import reindex as reindex_here


def reindex(
    model: ModelToAdd = None,
    collection: Collection = None,
    index: IndexUrl = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", help="Most passages to encode in a second. By default, no limit.", show_default=False),
    ] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Let the workers encode the passages, when they have nothing else to do.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="With --queue: wait for the workers.")] = True,
    as_json: Json = False,
) -> None:
    """Add a model to a collection that is in use.

    Every stored passage is encoded with the model. Searches go on with the active model until you switch with
    `postings models switch`. Run it again after an interrupt: it encodes only what is left.

    Example: postings reindex --model models/new --collection articles

    Example: postings reindex --model models/new --queue --rate 500
    """
    settings = settings_from(collection, index, model)
    if not names_model(settings):
        raise ConfigurationError("reindex needs the model to add: pass --model, or set POSTINGS_MODEL")
    if not (wait or queue):
        raise typer.BadParameter("it needs --queue", param_hint="--no-wait")
    _check_rate(rate)
    encoder = Encoder.from_settings(settings)
    with open_index(settings) as opened:
        report = ReindexReport(0, 0)

        def progress(current: ReindexReport) -> None:
            nonlocal report
            report = current
            show(current.filled, current.passages, current.encoded / max(current.seconds, 1e-9))

        try:
            with reindex_bar() as show:
                if queue:
                    report = queue_reindex(opened, encoder, settings, rate, progress, wait=wait)
                else:
                    report = reindex_here(opened, encoder, rate=rate, progress=progress)
        except KeyboardInterrupt:
            if as_json:
                print_json({**_fields(report, encoder), "error": STOPPED})
            left = "the workers go on" if queue else "run it again to go on"
            done = f"{report.filled:,} of {report.passages:,} passages have vectors of {encoder.name!r}"
            say(printable(f"{STOPPED}: {done}; {left}"))
            raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json({**_fields(report, encoder), "error": None})
        return
    for line in _summary(report, encoder, settings.collection):
        out.print(printable(line))


def _check_rate(rate: float | None) -> None:
    try:
        checked_rate(rate)
    except InvalidInput as error:
        raise typer.BadParameter(str(error), param_hint="--rate") from error


def _fields(report: ReindexReport, encoder: Encoder) -> dict[str, Any]:
    return {"model": encoder.name, "fingerprint": encoder.fingerprint, **asdict(report)}


def _summary(report: ReindexReport, encoder: Encoder, collection: str) -> list[str]:
    rate = report.encoded / max(report.seconds, 1e-9)
    lines = [
        f"{report.filled:,} of {report.passages:,} passages have vectors of {encoder.name!r} "
        f"({encoder.fingerprint[:8]}); {report.encoded:,} encoded in {report.seconds:.1f} s ({rate:,.0f}/s)"
    ]
    if report.truncated:
        lines.append(
            f"{report.truncated:,} of them are longer than the model's window of {encoder.window} tokens: it doesn't "
            "read their end; ingest the documents again after the switch to cut them anew"
        )
    if report.filled == report.passages:
        lines.append(f"search with it: postings models switch {encoder.location} --collection {collection}")
    return lines
