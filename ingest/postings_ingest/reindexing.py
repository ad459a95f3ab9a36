"""Giving a whole collection the vectors of another model, in this process, while others read and write."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from threading import Event
from typing import TypeVar

from postings import Encoder, Index
from postings.arguments import check_callback, no_check
from postings.errors import IndexUnavailable, InvalidInput
from postings.index.collection_size import count_matching
from postings.index.payload import PASSAGES, without_vector
from postings_ingest.backfill import Page, encode, pages_without_vector, set_vectors
from postings_ingest.id_range import IdRange
from postings_ingest.rates import checked_rate

_T = TypeVar("_T")


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
    began = started = time.monotonic()
    index.add_model(encoder.fingerprint, encoder.location)
    passages, lacking = _counted(index, encoder)
    report = ReindexReport(passages, passages - lacking)
    first_before: list[object] = []
    while True:
        first: list[object] = []
        with closing(_filled_pages(index, encoder, check)) as pages:
            for page, truncated in pages:
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
                    started = time.monotonic()
        # Once more, as writers may have died before they set the vector of what they wrote meanwhile.
        if not first:
            break
        if first == first_before:
            raise IndexUnavailable(f"passages were written, but still have no vector of {encoder.name!r}")
        first_before = first
    passages, lacking = _counted(index, encoder)
    return replace(report, passages=passages, filled=passages - lacking, seconds=time.monotonic() - began)


def _filled_pages(index: Index, encoder: Encoder, check: Callable[[], object]) -> Generator[tuple[Page, int]]:
    """Fill page after page; each is given when it is written, with the number of its truncated passages.

    A second thread encodes the next page while a page is written, so that a GPU doesn't wait for the engine.
    """
    ended = Event()

    def goes_on() -> None:
        if ended.is_set():
            raise CancelledError
        check()

    with ThreadPoolExecutor(1, "postings-encode") as encoding:
        try:
            pages = pages_without_vector(index, encoder.fingerprint, IdRange())
            submitted = ((page, encoding.submit(encode, encoder, page.points, goes_on)) for page in pages)
            for page, future in _one_ahead(submitted):
                vectors, truncated = future.result()
                set_vectors(index, encoder.fingerprint, page.points, vectors)
                yield page, truncated
        finally:
            ended.set()


def _one_ahead(items: Iterable[_T]) -> Iterator[_T]:
    """Give each item when the next one has been made."""
    return (item for item, _ in pairwise(chain(items, [None])) if item is not None)


def _counted(index: Index, encoder: Encoder) -> tuple[int, int]:
    """The number of passages, and of those without a vector of the model."""
    return count_matching(index, PASSAGES), count_matching(index, without_vector(encoder.fingerprint))
