"""Keep queries that a model was trained on out of its score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from postings.arguments import as_list
from postings.errors import InvalidInput
from postings_training.callbacks import OnProgress
from postings_training.data.judgements import BeirSet
from postings_training.data.rows import Row
from postings_training.leaks.finder import Leak, LeakFinder
from postings_training.leaks.provenance import Source

_NAMED = 5
_CHARACTERS = 80
_REPORT_EVERY = 500


def without_leaks(
    sets: Iterable[BeirSet], sources: Iterable[Source], *, drop: bool = False, progress: OnProgress | None = None
) -> tuple[list[BeirSet], list[str]]:
    """Look for the queries of evaluation sets in training data.

    Args:
        sets: to evaluate on.
        sources: of the training data.
        drop: leave leaked queries out, instead of refusing.
        progress: called while the sources are read.

    Returns:
        The sets without leaked queries, and a remark for each set from which some were left out.

    Raises:
        InvalidInput: a query leaks and ``drop`` is false, or no query is left.
        ReaderError: the data can't be read.
    """
    kept, remarks = [], []
    # Iterables may be consumed once only, and the sources are read for each set.
    sources = as_list("sources", sources, Source, InvalidInput)
    for each in as_list("sets", sets, BeirSet, InvalidInput):
        finder = LeakFinder(each.judged, each.corpus)
        found: dict[str, tuple[Source, Leak]] = {}
        for source in sources:
            for query_id, leak in finder.worst(_reporting(source, f"leaks of {each.name}", progress)).items():
                found.setdefault(query_id, (source, leak))
        if not found:
            kept.append(each)
            continue
        count = f"{len(found)} of the {len(each.judged.queries)} queries of {each.name}"
        if not drop:
            raise InvalidInput(
                f"no score is given: {count} are in the training data, or nearly so; --leaks drop leaves them out, "
                "and postings train --leave-out leaves their rows out of training:\n"
                + "\n".join(_shown(found.values()))
            )
        if len(found) == len(each.judged.queries):
            raise InvalidInput(f"all queries of {each.name} are in the training data: there is nothing to measure")
        kept.append(replace(each, judged=each.judged.without(found)))
        remarks.append(f"{count} were left out: they are in the training data, or nearly so")
    return kept, remarks


def _shown(found: Iterable[tuple[Source, Leak]]) -> Iterator[str]:
    worst = sorted(found, key=lambda item: (-item[1].resemblance, item[1].query_id))
    for source, leak in worst[:_NAMED]:
        yield (
            f"  {leak.query_id} {leak.query[:_CHARACTERS]!r}: {source.name} row {leak.row} "
            f"{leak.text[:_CHARACTERS]!r}, {leak.resemblance:.0%} alike"
            f"{', with the same document' if leak.pair else ''}"
        )
    if len(worst) > _NAMED:
        yield f"  and {', '.join(leak.query_id for _, leak in worst[_NAMED:])}"


def _reporting(source: Source, what: str, progress: OnProgress | None) -> Iterator[tuple[int, Row]]:
    for done, numbered in enumerate(source.used(), 1):
        if progress and done % _REPORT_EVERY == 0:
            progress(what, done, source.rows)
        yield numbered
