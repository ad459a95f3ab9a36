"""Giving a whole collection the vectors of another model, in this process, while others read and write."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from postings import Encoder, Index
from postings.arguments import check_callback, no_check
from postings.errors import IndexUnavailable, InvalidInput
from postings.index.collection_size import count_matching
from postings.index.payload import PASSAGES, without_vector
from postings_ingest.backfill import fill, pages_without_vector
from postings_ingest.id_range import IdRange
from postings_ingest.rates import checked_rate


@dataclass(frozen=True, slots=True)
class ReindexReport:
    """How far a collection has the vectors of a model.

    Attributes:
        passages: passages in the collection.
        filled: passages that have a vector of the model.
        encoded: passages that this run encoded.
        truncated: of those encoded, passages that are longer than the model's window: it doesn't read their end.
        seconds: time that this run took.
    """

    passages: int
    filled: int
    encoded: int = 0
    truncated: int = 0
    seconds: float = 0.0


def reindex(
    index: Index,
    encoder: Encoder,
    *,
    rate: float | None = None,
    progress: Callable[[ReindexReport], None] | None = None,
    check: Callable[[], object] = no_check,
) -> ReindexReport:
    """Add a model to a collection, and encode every stored passage with it.

    Searches go on with the active model, until :meth:`postings.Index.switch_model`. Writers with this version of
    Postings write the vectors of both models from now on. A run that was interrupted is completed by the next: only
    passages without a vector of the model are encoded.

    Args:
        index: the collection; it must exist.
        encoder: the model to add.
        rate: the most passages to encode in a second; by default as many as possible.
        progress: called after each page of passages.
        check: called before each pass over the model; what it raises ends the run.

    Raises:
        IndexFailure: the engine failed, or passages still lack vectors though they were written.
        InvalidInput: ``progress`` can't be called, or ``rate`` isn't a number of at least 0.01.

    Example:
        >>> report = reindex(index, Encoder.load("tiny"))
        >>> report.filled == report.passages
        True
    """
    check_callback("progress", progress, InvalidInput)
    rate = checked_rate(rate)
    began = time.monotonic()
    index.add_model(encoder.fingerprint, encoder.location)
    passages, lacking = _counted(index, encoder)
    report = ReindexReport(passages, passages - lacking)
    first_before: list[object] = []
    while True:
        first: list[object] = []
        for page in pages_without_vector(index, encoder.fingerprint, IdRange()):
            started = time.monotonic()
            truncated = fill(index, encoder, page.points, check)
            first = first or [(point.id, point.payload["version"]) for point in page.points]
            report = ReindexReport(
                passages,
                min(report.filled + len(page.points), passages),
                report.encoded + len(page.points),
                report.truncated + truncated,
                time.monotonic() - began,
            )
            if progress:
                progress(report)
            if rate is not None:
                time.sleep(max(started + len(page.points) / rate - time.monotonic(), 0))
        # Once more, as writers may have died before they set the vector of what they wrote meanwhile.
        if not first:
            break
        if first == first_before:
            raise IndexUnavailable(f"passages were written, but still have no vector of {encoder.name!r}")
        first_before = first
    passages, lacking = _counted(index, encoder)
    return replace(report, passages=passages, filled=passages - lacking, seconds=time.monotonic() - began)


def _counted(index: Index, encoder: Encoder) -> tuple[int, int]:
    """The number of passages, and of those without a vector of the model."""
    return count_matching(index, PASSAGES), count_matching(index, without_vector(encoder.fingerprint))
