"""Queries that a model was trained on, kept out of its score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from postings.errors import InvalidInput
from postings_training.evaluation.beir import BeirSet
from postings_training.evaluation.measuring import Progress
from postings_training.leakage import Leak, find_leaks
from postings_training.pairs import Pair, read_pairs
from postings_training.provenance import trained_on

TrainedOn = Annotated[
    list[Path],
    typer.Option(
        "--trained-on", help="Pairs (JSON Lines, BEIR folder) that the model was trained on.", show_default=False
    ),
]

_NAMED = 5
_CHARACTERS = 80
_TOLD_EVERY = 500


def without_leaks(
    sets: Sequence[BeirSet], models: Sequence[str], given: Sequence[Path], *, drop: bool, progress: Progress
) -> tuple[list[BeirSet], list[str]]:
    """Look for the queries of the sets in the training data of the models.

    Args:
        sets: to be evaluated on.
        models: whose folders may say what they were trained on.
        given: training data that the user names.
        drop: leave leaked queries out, instead of refusing.
        progress: told how far it is.

    Returns:
        The sets without leaked queries, and remarks on what was left out and what couldn't be checked.

    Raises:
        InvalidInput: a query leaks and ``drop`` is false, or no query is left.
        ReaderError: the data can't be read.
    """
    paths, remarks = _data(models, given)
    kept = []
    for each in sets:
        found: dict[str, tuple[Path, Leak]] = {}
        for path in paths:
            for leak in find_leaks(
                _told(read_pairs(path), f"leaks of {each.name}", progress), each.judged, each.corpus
            ):
                found.setdefault(leak.query_id, (path, leak))
        if not found:
            kept.append(each)
            continue
        count = f"{len(found)} of the {len(each.judged.queries)} queries of {each.name}"
        if not drop:
            raise InvalidInput(
                f"no score is given: {count} are in the training data, or nearly so; --leaks drop leaves them out:\n"
                + "\n".join(_shown(found.values()))
            )
        if len(found) == len(each.judged.queries):
            raise InvalidInput(f"all queries of {each.name} are in the training data: there is nothing to measure")
        kept.append(replace(each, judged=each.judged.without(found)))
        remarks.append(f"{count} were left out: they are in the training data, or nearly so")
    return kept, remarks


def _data(models: Sequence[str], given: Sequence[Path]) -> tuple[list[Path], list[str]]:
    paths, remarks = list(given), []
    for model in models:
        for data in trained_on(model) or ():
            if reason := data.changed():
                remarks.append(f"not checked for leaks: {data.path}, which {model} was trained on: {reason}")
            else:
                paths.append(Path(data.path))
    return list(dict.fromkeys(paths)), remarks


def _shown(found: Iterable[tuple[Path, Leak]]) -> Iterator[str]:
    worst = sorted(found, key=lambda item: (-item[1].resemblance, item[1].query_id))
    for path, leak in worst[:_NAMED]:
        yield (
            f"  {leak.query_id} {leak.query[:_CHARACTERS]!r}: {path.name} row {leak.row} {leak.text[:_CHARACTERS]!r}, "
            f"{leak.resemblance:.0%} alike{', with the same document' if leak.pair else ''}"
        )
    if len(worst) > _NAMED:
        yield f"  and {', '.join(leak.query_id for _, leak in worst[_NAMED:])}"


def _told(rows: Iterator[Pair], what: str, progress: Progress) -> Iterator[Pair]:
    for number, row in enumerate(rows, 1):
        if number % _TOLD_EVERY == 0:
            progress(what, number, 0)
        yield row
