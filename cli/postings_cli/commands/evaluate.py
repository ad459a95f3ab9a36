"""``postings evaluate``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markdown import Markdown

from postings import Encoder, open_index
from postings.collection_models import collection_encoder
from postings.errors import ReaderError
from postings_cli.bars import steps_bar
from postings_cli.commands.evaluated_sets import evaluated_sets
from postings_cli.console import out, print_json, printable, say
from postings_cli.options import IndexUrl, Json, settings_from
from postings_cli.outputs import OutputFile, check_place, output_folder, refuse_inputs
from postings_training.data import read_run, run_lines
from postings_training.data.trec import check_ids
from postings_training.evaluation import (
    Evaluation,
    Measured,
    compare,
    measure_collection,
    measure_model,
    measure_run,
    write_report,
)
from postings_training.evaluation.report import as_json, page
from postings_training.leaks.guard import without_leaks
from postings_training.leaks.known_sources import known_sources


def evaluate(
    model: Annotated[
        str | None,
        typer.Argument(
            help="'tiny', a folder, or a hub id (POSTINGS_MODEL). By default 'tiny', or the collection's.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        list[Path],
        typer.Option("--data", help="A BEIR folder, or ir-datasets:ID; may be repeated.", show_default=False),
    ] = [],  # noqa: B006 - typer copies it
    nano_beir: Annotated[
        list[str],
        typer.Option(
            "--nano-beir", help="A NanoBEIR set from the hub, such as msmarco; may be repeated.", show_default=False
        ),
    ] = [],  # noqa: B006
    split: Annotated[str, typer.Option(help="Split of the BEIR folders.")] = "test",
    against: Annotated[
        str | None, typer.Option(help="Another model or TREC run, compared query by query.", show_default=False)
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
    run: Annotated[
        Path | None,
        typer.Option("--run", help="Measure this TREC run instead of searching; may be .gz.", show_default=False),
    ] = None,
    qrels: Annotated[
        Path | None,
        typer.Option(
            "--qrels",
            help="TREC qrels, instead of the BEIR folder's judgements; with --run, also without a folder.",
            show_default=False,
        ),
    ] = None,
    save_run: Annotated[
        Path | None,
        typer.Option(
            "--save-run", help="Write what was found to this file, as a TREC run; may be .gz.", show_default=False
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--out", help="Write a report with plots and pruning curves to this folder.", show_default=False),
    ] = None,
    as_json_: Json = False,
) -> None:
    """Measure models and collections on BEIR sets.

    The model encodes each set's corpus, which is searched exactly; with --collection or --index, the collection is
    searched instead, and with --run, nothing is: its results are measured as trec_eval does.

    Queries that the model was trained on, or nearly so, are looked for in --trained-on and in the data that the
    model's folder names.

    Example: postings evaluate ./my-splade --data beir/scifact --data beir/nfcorpus --against tiny --out report

    Example: postings evaluate --collection articles --data testset --save-run splade.trec

    Example: postings evaluate --run splade.trec --against bm25.trec --qrels qrels.txt
    """
    if run is not None and (model or collection or index):
        raise ReaderError("--run measures a file, so leave out the model, --collection and --index")
    if run is not None and save_run is not None:
        raise ReaderError("--save-run writes what a search finds: with --run, nothing is searched")
    settings = settings_from(collection, index, model)
    if against is not None and Path(against).is_file():
        against = str(Path(against))  # as the files of runs are named below
    inputs = [*map(str, [*data, *trained_on]), *(str(each) for each in (run, qrels, against) if each)]
    if report is not None:
        refuse_inputs("--out", report, inputs, settings, folder=True)
    if save_run is not None:
        refuse_inputs("--save-run", save_run, inputs, settings)
        check_place("--save-run", save_run)
    sets, unanswered = evaluated_sets(data, nano_beir, split, qrels)
    by_engine = collection is not None or index is not None
    names = [settings.model if run is None else str(run), *([] if against is None else [against])]
    files = [run, None if against is None or not Path(against).is_file() else Path(against)]
    runs = {str(file): read_run(file) for file in files if file is not None}
    if len(sets) > 1 and (runs or save_run or qrels):
        raise ReaderError(f"a run's file and --qrels are about one set: name one, got {len(sets)}")
    if qrels is not None and not data and (trained_on or not runs.keys() >= set(names)):
        raise ReaderError("--qrels holds no texts to search or to look for: name a BEIR folder with --data, or a --run")
    if save_run is not None:
        check_ids(sets[0].judged.queries, sets[0].corpus)
    encoders = dict[str, Encoder]()
    if by_engine:
        with open_index(settings) as opened:
            searched = collection_encoder(settings, opened)
        names[0] = searched.location
        encoders[names[0]] = searched
    models = [name for name in names if name not in runs]
    with steps_bar() as progress:
        sources, unchecked = known_sources(models, trained_on)
        sets, left_out = without_leaks(sets, sources, drop=leaks == "drop", progress=progress)
        for name in models:
            if name not in encoders:
                encoders[name] = Encoder.from_settings(settings.model_copy(update={"model": name}))
        pruning = report is not None
        by_model = partial(measure_model, pruning=pruning, progress=progress)

        def measured(name: str) -> tuple[Measured, ...]:
            if name in runs:
                return tuple(measure_run(Path(name).name, runs[name], each) for each in sets)
            return tuple(by_model(encoders[name], each) for each in sets)

        if by_engine:
            with open_index(settings) as opened:
                measure = partial(measure_collection, opened, pruning=pruning, progress=progress)
                systems = [tuple(measure(encoders[names[0]], each) for each in sets)]
        else:
            systems = [measured(names[0])]
        systems += map(measured, names[1:])
    remarks = [*unanswered, *unchecked, *left_out, *_unanswered(systems)]
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
    if save_run is not None:
        with OutputFile("--save-run", save_run) as file:
            for line in run_lines(systems[0][0].run, systems[0][0].system):
                file.write(line)
        say(f"run written to {save_run}")


def _unanswered(systems: list[tuple[Measured, ...]]) -> Iterator[str]:
    for figures in systems:
        for each in figures:
            if absent := each.each.keys() - each.run.keys():
                yield (
                    f"{len(absent)} of the {each.quality.queries} queries of {each.data} aren't in {each.system}, and "
                    "count as 0"
                )


def _print_page(markdown: str) -> None:
    """With its tables drawn on a terminal, as it is into a file."""
    if out.is_terminal:
        out.print(Markdown(markdown), soft_wrap=False)
    else:
        out.print(markdown)
