"""Sets that can be measured on together: their names differ, and each query has an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from postings.errors import ReaderError
from postings_training.data.judgements import BeirSet


def measurable(sets: Sequence[BeirSet]) -> tuple[list[BeirSet], list[str]]:
    """Leave out the queries that nothing answers, which would count as 0 for every model.

    Returns:
        The sets, and a remark on each that had such queries.

    Raises:
        ReaderError: two sets have the same name, or one judges no document relevant.
    """
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
