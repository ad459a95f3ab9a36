"""``postings evaluate``."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markdown import Markdown

from postings import Encoder, open_index
from postings.errors import ReaderError
from postings_cli.bars import steps_bar
from postings_cli.console import out, print_json, printable, say
from postings_cli.options import IndexUrl, Json, settings_from
from postings_cli.outputs import output_folder, refuse_inputs
from postings_training.data import BeirSet, load_set
from postings_training.data.nano_beir import load_nano_beir
from postings_training.evaluation import Evaluation, compare, measure_collection, measure_model, write_report
from postings_training.evaluation.report import as_json, page
from postings_training.leaks.guard import without_leaks
from postings_training.leaks.known_sources import known_sources


def evaluate(
    model: Annotated[
        str | None, typer.Argument(help="'tiny', a folder, or a hub id (POSTINGS_MODEL).", show_default=False)
    ] = None,
    data: Annotated[
        list[Path], typer.Option("--data", help="A BEIR folder; may be repeated.", show_default=False)
    ] = [],  # noqa: B006 - typer copies it
    nano_beir: Annotated[
        list[str],
        typer.Option(
            "--nano-beir", help="A NanoBEIR set from the hub, such as msmarco; may be repeated.", show_default=False
        ),
    ] = [],  # noqa: B006
    split: Annotated[str, typer.Option(help="Split of the BEIR folders.")] = "test",
    against: Annotated[
        str | None, typer.Option(help="Another model, compared query by query.", show_default=False)
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            "-c",
            help="Search this collection, by its engine; with --index, by default POSTINGS_COLLECTION.",
            show_default=False,
        ),
    ] = None,
    index: IndexUrl = None,
    trained_on: Annotated[
        list[Path],
        typer.Option(
            "--trained-on",
            help="Training data of the model, or where they are now: JSON Lines, a BEIR folder, or a hub data set.",
            show_default=False,
        ),
    ] = [],  # noqa: B006
    leaks: Annotated[
        Literal["refuse", "drop"],
        typer.Option(
            help="When a query is in the training data: give no score (refuse), or leave the query out (drop)."
        ),
    ] = "refuse",
    report: Annotated[
        Path | None,
        typer.Option("--out", help="Write a report with plots and pruning curves to this folder.", show_default=False),
    ] = None,
    as_json_: Json = False,
) -> None:
    """Measure models and collections on BEIR sets.

    The model encodes each set's corpus, which is searched exactly; with --collection or --index, the collection is
    searched instead.
    Queries that the model was trained on, or nearly so, are looked for in --trained-on and in the data that the
    model's folder names.

    Example: postings evaluate ./my-splade --data beir/scifact --data beir/nfcorpus --against tiny --out report

    Example: postings evaluate --collection articles --data judged-articles
    """
    if not data and not nano_beir:
        raise ReaderError("nothing to evaluate on: name a BEIR folder with --data, or a set with --nano-beir")
    settings = settings_from(collection, index, model)
    if report is not None:
        refuse_inputs("--out", report, [*data, *trained_on, *filter(None, [against])], settings, folder=True)
    sets = [*(load_set(folder, split) for folder in data), *map(load_nano_beir, nano_beir)]
    if repeated := [name for name, count in Counter(each.name for each in sets).items() if count > 1]:
        raise ReaderError(f"two sets are called {repeated[0]!r}: their figures couldn't be told apart")
    sets, unanswered = _answered(sets)
    models = [settings.model] if against is None else [settings.model, against]
    with steps_bar() as progress:
        sources, unchecked = known_sources(models, trained_on)
        sets, left_out = without_leaks(sets, sources, drop=leaks == "drop", progress=progress)
        encoders = [Encoder.from_settings(settings.model_copy(update={"model": name})) for name in models]
        pruning = report is not None
        by_model = partial(measure_model, pruning=pruning, progress=progress)
        if collection is None and index is None:
            systems = [tuple(by_model(encoders[0], each) for each in sets)]
        else:
            with open_index(settings) as opened:
                by_engine = partial(measure_collection, opened, pruning=pruning, progress=progress)
                systems = [tuple(by_engine(encoders[0], each) for each in sets)]
        systems += [tuple(by_model(encoder, each) for each in sets) for encoder in encoders[1:]]
    remarks = [*unanswered, *unchecked, *left_out]
    remarks += [
        f"{each.data}: {each.missing} relevant documents aren't in the collection and count as not found"
        for each in systems[0]
        if each.missing
    ]
    evaluation = Evaluation(
        systems=tuple(systems),
        comparisons=tuple(compare(*systems)) if against is not None else (),
        queries={each.name: each.judged.queries for each in sets},
        remarks=tuple(map(printable, remarks)),
    )
    if as_json_:
        print_json(as_json(evaluation))
    else:
        _print_page("\n".join(map(printable, page(evaluation).split("\n"))))
    if report is not None:
        with output_folder("--out", report) as folder:
            written = write_report(evaluation, folder)
        say(f"report written to {report / written.name}")


def _answered(sets: list[BeirSet]) -> tuple[list[BeirSet], list[str]]:
    """The sets without queries that nothing answers, which would count as 0 for every model; and remarks on them."""
    kept = [replace(each, judged=each.judged.answered()) for each in sets]
    remarks = []
    for before, after in zip(sets, kept, strict=True):
        if not after.judged.queries:
            raise ReaderError(f"{before.name} judges no document relevant (a grade above 0): there is nothing to find")
        if missing := len(before.judged.queries) - len(after.judged.queries):
            remarks.append(
                f"{missing} of the {len(before.judged.queries)} queries of {before.name} were left out: no document is "
                "judged relevant to them"
            )
    return kept, remarks


def _print_page(markdown: str) -> None:
    """With its tables drawn on a terminal, as it is into a file."""
    if out.is_terminal:
        out.print(Markdown(markdown), soft_wrap=False)
    else:
        out.print(markdown)
