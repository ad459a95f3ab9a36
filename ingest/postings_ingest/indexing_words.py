"""Giving the passages of a collection the vectors of their exact words, or weighting the words anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from postings import Index
from postings.arguments import check_callback, no_check
from postings.batching import batched
from postings.errors import ConfigurationError, InvalidInput
from postings.index.collection_size import count_matching
from postings.index.payload import PASSAGES, REVISION_FIELDS
from postings.words import WORDS, Bm25, WordsConfig, word_input
from postings_ingest.backfill import fill_words, passages_without_vector

_MEASURED = (
    4096  # passages; they are in the order of their ids, which are hashes, so the first ones are a random sample
)
_PAGE = 256


@dataclass(frozen=True, slots=True)
class WordsReport:
    """What :func:`index_words` has done.

    Attributes:
        passages: in the collection at the start.
        indexed: whose words have vectors now.
        words: how they are read and weighted.
        seconds: since the start.
    """

    passages: int
    indexed: int
    words: WordsConfig
    seconds: float = 0.0


def index_words(
    index: Index,
    words: WordsConfig,
    *,
    progress: Callable[[WordsReport], None] | None = None,
    check: Callable[[], object] = no_check,
) -> WordsReport:
    """Index the exact words of all stored passages, in a collection that is in use.

    A collection without words gets their vectors. One that has them is weighted anew: with another language, or with an
    average length that its first passages didn't tell. Passages that are written meanwhile get the same vectors.

    Args:
        index: the collection; it must exist.
        words: how to read and weight words; the average length is measured, unless it is given.
        progress: called after each page of passages.
        check: called before each page; what it raises ends the work. The next run starts over.

    Raises:
        ConfigurationError: there is no such language or stemmer, or somebody else changes the words at the same time.
        IndexFailure: the engine failed.

    Example:
        >>> report = index_words(index, WordsConfig(language="english"))
        >>> report.indexed == report.passages
        True
    """
    check_callback("progress", progress, InvalidInput)
    began = time.monotonic()
    known = index.models().words
    words = replace(_measured(index, words), added=known is None or known.added)
    bm25 = Bm25(words)
    index.set_words(words)
    report = WordsReport(count_matching(index, PASSAGES), 0, words)
    for points in batched(index.scroll(PASSAGES, fields=REVISION_FIELDS), _PAGE):
        check()
        _check_same(index, words)
        fill_words(index, bm25, points)
        indexed = report.indexed + len(points)
        report = replace(report, indexed=indexed, seconds=time.monotonic() - began)
        if progress:
            progress(report)
    # A writer that hasn't heard of the words may have died before it set the vectors of what it wrote meanwhile.
    for points in batched(passages_without_vector(index, WORDS, PASSAGES), _PAGE):
        check()
        fill_words(index, bm25, points)
    _check_same(index, words)
    return replace(report, passages=report.indexed, seconds=time.monotonic() - began)


def _check_same(index: Index, words: WordsConfig) -> None:
    now = index.models().words
    if now is None or not now.reads_like(words):
        raise ConfigurationError(
            f"collection {index.collection!r}: somebody else changed how words are read meanwhile: run it again when "
            "they are done"
        )


def _measured(index: Index, words: WordsConfig) -> WordsConfig:
    if words.average_length is not None and not words.measured_on:
        return words
    bm25 = Bm25(words)
    first = islice(index.scroll(PASSAGES, fields=["title", "text"]), _MEASURED)
    counts = bm25.counts(word_input(point.payload["title"], point.payload["text"]) for point in first)
    total = int(sum(float(each.values.sum()) for each in counts))
    return replace(words, average_length=None, measured_on=0).measured(total, len(counts))
