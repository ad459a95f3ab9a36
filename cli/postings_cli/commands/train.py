"""``postings train``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from postings.errors import MissingExtra
from postings_cli.console import err, out, print_json, printable, say
from postings_cli.exit_status import INTERRUPTED
from postings_cli.logs import Lines
from postings_cli.options import Json

if TYPE_CHECKING:
    from postings_training.runs.progress import TrainingProgress


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or the path of a TOML file.", show_default=False)],
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data", help="JSONL file, BEIR folder, ir-datasets:ID or hub data set to train on; may be repeated."
        ),
    ] = None,
    base: Annotated[str | None, typer.Option("--base", help="'tiny', a folder or a hub id to start from.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; by default RECIPE-trained.", show_default=False)
    ] = None,
    evaluate: Annotated[
        list[str] | None,
        typer.Option(
            "--evaluate", help="BEIR folder or ir-datasets:ID to evaluate on while training; may be repeated."
        ),
    ] = None,
    leaks: Annotated[
        Literal["refuse", "drop"] | None,
        typer.Option(
            help="When a query to evaluate on is in the training data: refuse to start (the default), or drop the "
            "query.",
            show_default=False,
        ),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            "--leave-out",
            help="BEIR folder or ir-datasets:ID whose test queries are kept out of the training data; may be repeated.",
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.SETTING=VALUE", help="Change a setting of the recipe; may be repeated."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print the recipe with all its settings, and what they are for.")
    ] = False,
    push: Annotated[str | None, typer.Option("--push", help="Upload the result to the hub as owner/name.")] = None,
    as_json: Json = False,
) -> None:
    """Train a sparse encoder by a recipe.

    The folder that it writes can be given as --model.

    Recipes: splade-gooaq, splade-nq, csr-nq, csr-distill, inference-free, distill, judged, tiny. Checkpoints and
    TensorBoard's files are in OUT.run beside the folder. On several GPUs: torchrun --no-python --nproc-per-node 4
    postings train RECIPE.

    Example: postings train tiny --data pairs.jsonl --out my-model --set training.steps=500

    Example: postings train tiny --show > mine.toml; edit it, then: postings train mine.toml --data pairs.jsonl

    Example: postings ingest articles.jsonl --model ./my-model --collection articles
    """
    from postings_training.recipes.loading import load_recipe

    settings = load_recipe(
        recipe,
        changes or (),
        base=base,
        data__sources=data or None,
        data__leave_out=leave_out or None,
        evaluation__sets=evaluate or None,
        evaluation__leaks=leaks,
    )
    if show:
        from postings_training.recipes.shown import as_toml

        if as_json:
            print_json(settings.model_dump(mode="json"))
        else:
            out.print(as_toml(settings), end="")
        return
    try:
        from postings_training.publishing.upload import push as upload
        from postings_training.runs.checkpoints import run_folder, what_is_kept
        from postings_training.runs.run import train as run
    except ImportError as error:
        raise MissingExtra("training", "training a model") from error
    # A folder with the recipe's name alone could have the name of the bundled model.
    target = folder or Path(f"{Path(recipe).stem}-trained")
    try:
        with _training_bar() as progress:
            record = run(settings, target, resume=resume, show=progress)
    except KeyboardInterrupt:
        say(f"interrupted: {what_is_kept(run_folder(target))}")
        raise typer.Exit(INTERRUPTED) from None
    if record is None:
        return
    address = upload(target, push) if push else None
    if as_json:
        print_json({"folder": str(target), **record.to_json(), "pushed": address})
        return
    quality = ", ".join(f"{name} {value:.4g}" for name, value in record.results.items())
    out.print(printable(f"{target} written after {record.steps:,} steps in {record.seconds:,.0f} s"))
    if quality:
        out.print(printable(quality))
    if address:
        out.print(printable(f"pushed to {address}"))


@contextmanager
def _training_bar() -> Iterator[Callable[[TrainingProgress], None]]:
    """Show a bar, and the log lines above it; on anything but a terminal, the log lines alone."""
    bar = Progress(
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps{task.fields[figures]} "),
        TimeRemainingColumn(compact=True),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
    log = logging.getLogger("postings_training")
    handler = Lines()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        with bar:
            task = bar.add_task("", total=None, figures="")

            def show(state: TrainingProgress) -> None:
                bar.update(task, completed=state.step, total=state.steps, figures=_figures(state))

            yield show
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _figures(state: TrainingProgress) -> str:
    shown = {
        "loss": (state.loss, ".3f"),
        "nDCG@10": (state.ndcg, ".4f"),
        "query dims": (state.query_dims, ".0f"),
        "document dims": (state.document_dims, ".0f"),
    }
    return "".join(f"  {name} {value:{style}}" for name, (value, style) in shown.items() if value is not None)
