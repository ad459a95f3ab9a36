"""The judged sets that ``postings evaluate`` names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from postings.errors import ReaderError
from postings_training.data import BeirSet, JudgedQueries, load_set, read_qrels
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
    if repeated := [name for name, count in Counter(each.name for each in sets).items() if count > 1]:
        raise ReaderError(f"two sets are called {repeated[0]!r}: their figures couldn't be told apart")
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


def _named(data: Sequence[Path], nano_beir: Sequence[str], split: str, qrels: Path | None) -> Iterator[BeirSet]:
    for folder in data:
        yield load_set(folder, split, qrels)
    for name in nano_beir:
        yield load_nano_beir(name)
    if qrels is not None and not data:
        judgements = read_qrels(qrels)
        yield BeirSet(qrels.name, {}, JudgedQueries(dict.fromkeys(judgements, ""), judgements))
