"""``postings mine``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from postings import Encoder
from postings_cli.bars import steps_bar
from postings_cli.console import out, print_json, printable
from postings_cli.options import Json, ModelOrTiny, settings_from
from postings_cli.outputs import OutputFile, refuse_inputs
from postings_training.mining import Guards
from postings_training.mining import mine as mined_pairs


def mine(
    source: Annotated[
        Path,
        typer.Argument(metavar="PAIRS", help="JSON Lines of query and positive, a BEIR folder, or ir-datasets:ID."),
    ],
    to: Annotated[Path, typer.Option("--out", help="Write to this file, as JSON Lines.")],
    model: ModelOrTiny = None,
    negatives: Annotated[int, typer.Option(help="Maximum number of negatives for each pair.", min=1)] = 5,
    margin: Annotated[
        float, typer.Option(help="Minimum difference between the positive's score and a negative's.", min=0)
    ] = 0.0,
    relative_margin: Annotated[
        float,
        typer.Option(
            help="Minimum difference as a part of the positive's score: 0.05 allows negatives up to 95 % of it.",
            min=0,
            max=1,
        ),
    ] = 0.05,
    skip: Annotated[int, typer.Option(help="Texts to skip at the top of each ranking.", min=0)] = 0,
    depth: Annotated[int, typer.Option(help="Texts to consider in each ranking.", min=1)] = 100,
    split: Annotated[str, typer.Option(help="Split of a BEIR folder to mine for.")] = "train",
    as_json: Json = False,
) -> None:
    """Find hard negatives for training pairs.

    A hard negative is a text that doesn't answer a query but that the model ranks high for it. Each line of the output
    has query, positive, negatives and scores, the positive's first. Pairs without a negative are left out.

    Example: postings mine pairs.jsonl --model tiny --out hard.jsonl --negatives 5
    """
    settings = settings_from(model=model)
    guards = Guards(skip=skip, depth=depth, margin=margin, relative_margin=relative_margin)
    counts = {"pairs": 0, "full": 0, "fewer": 0, "without": 0}
    refuse_inputs("--out", to, [source], settings)
    encoder = Encoder.from_settings(settings)
    with OutputFile("--out", to) as file, steps_bar() as progress:
        for mined in mined_pairs(source, encoder, negatives, guards, split=split, progress=progress):
            found = len(mined.negatives)
            counts["pairs"] += 1
            counts["full" if found == negatives else "fewer" if found else "without"] += 1
            if found:
                file.write(json.dumps(mined.to_json(), ensure_ascii=False) + "\n")
    if as_json:
        print_json(counts)
    else:
        out.print(
            printable(
                f"{counts['pairs']:,} pairs: {counts['full']:,} with {negatives} negatives, {counts['fewer']:,} with "
                f"fewer, {counts['without']:,} with none, which {to} leaves out"
            )
        )
