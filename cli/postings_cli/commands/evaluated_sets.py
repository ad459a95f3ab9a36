"""The judged sets that ``postings evaluate`` names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from postings.errors import ReaderError
from postings_training.data import BeirSet, JudgedQueries, load_set, read_qrels
from postings_training.data.measurable import measurable
from postings_training.data.nano_beir import load_nano_beir


def evaluated_sets(
    data: Sequence[Path], nano_beir: Sequence[str], split: str, qrels: Path | None
) -> tuple[list[BeirSet], list[str]]:
    """Read the sets, without queries that nothing answers, which would count as 0 for every model; and remarks on them.

    Raises:
        ReaderError: there is none, one can't be read, or two have the same name.
    """
    sets = list(_named(data, nano_beir, split, qrels))
    if not sets:
        raise ReaderError(
            "nothing to evaluate on: name a BEIR folder or ir-datasets:ID with --data, a set with --nano-beir, or for "
            "a --run its --qrels"
        )
    return measurable(sets)


def _named(data: Sequence[Path], nano_beir: Sequence[str], split: str, qrels: Path | None) -> Iterator[BeirSet]:
    for folder in data:
        yield load_set(folder, split, qrels)
    for name in nano_beir:
        yield load_nano_beir(name)
    if qrels is not None and not data:
        judgements = read_qrels(qrels)
        yield BeirSet(qrels.name, {}, JudgedQueries(dict.fromkeys(judgements, ""), judgements))
