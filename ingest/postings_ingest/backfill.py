"""Giving stored passages the vectors of another model.

Passages stay as they were cut, so that their offsets and everything else about them stay true. A model that reads fewer
tokens than a passage has reads its beginning, as it would of any long text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from postings import Encoder, Index, SparseVector
from postings.arguments import no_check
from postings.batching import batched
from postings.index import Filter, Point
from postings.index.payload import REVISION_FIELDS, unchanged_since, without_vector
from postings.passages import passage_input
from postings.words import WORDS, Bm25, word_input
from postings_ingest.id_range import IdRange

_POINTS = 64
"""Points in a write: the engine compares each with a condition that names all of them."""


class Page(NamedTuple):
    """Passages that have no vector of a model, and the range of ids that is left after them."""

    points: list[Point]
    rest: IdRange | None


def pages_without_vector(index: Index, fingerprint: str, ids: IdRange) -> Iterator[Page]:
    """Read the passages in a range of ids that have no vector of a model, a page at a time."""
    left: IdRange | None = ids
    while left is not None:
        points, following = index.page(without_vector(fingerprint), fields=REVISION_FIELDS, offset=left.first)
        inside = [point for point in points if point.id in ids]
        left = ids.after(following) if following is not None and following in ids else None
        if inside or left is None:
            yield Page(inside, left)


def passages_without_vector(index: Index, fingerprint: str, among: Filter) -> Iterator[Point]:
    """Read the matching passages that have no vector of a model, as :func:`fill` needs them."""
    return index.scroll({"must": [among, without_vector(fingerprint)]}, fields=REVISION_FIELDS)


def fill(index: Index, encoder: Encoder, points: Sequence[Point], check: Callable[[], object] = no_check) -> int:
    """Encode stored passages with a model, and set their vectors.

    A passage that has been written again since it was read stays as it is: its writer sees to the vector.

    Args:
        index: the index that holds them.
        encoder: the model; the collection must have it.
        points: passages, read with the fields :data:`postings.index.payload.REVISION_FIELDS`.
        check: called before each pass over the model; what it raises ends the work.

    Returns:
        The number of passages that are longer than the model's window: it doesn't read their end.

    Raises:
        IndexFailure: the engine failed; what was written before stays.
        ModelMismatch: the collection doesn't have the model.
    """
    vectors, truncated = encode(encoder, points, check)
    set_vectors(index, encoder.fingerprint, points, vectors)
    return truncated


def encode(encoder: Encoder, points: Sequence[Point], check: Callable[[], object]) -> tuple[list[SparseVector], int]:
    """The vectors for :func:`set_vectors`, and the number of passages that are longer than the model's window."""
    return encoder.encode_and_measure((encoder_input(encoder, point) for point in points), check)


def fill_words(index: Index, bm25: Bm25, points: Sequence[Point]) -> None:
    """Set the words' vectors of stored passages, like :func:`fill`."""
    texts = [word_input(point.payload["title"], point.payload["text"]) for point in points]
    set_vectors(index, WORDS, points, bm25.encode_documents(texts))


def set_vectors(index: Index, name: str, points: Sequence[Point], vectors: Sequence[SparseVector]) -> None:
    """Set the vectors of this name of stored passages that haven't been written again since they were read."""
    for some in batched(zip(points, vectors, strict=True), _POINTS):
        filled = [Point(point.id, {}, {name: vector}) for point, vector in some]
        index.update_vectors(filled, unchanged_since([point for point, _ in some]))


def encoder_input(encoder: Encoder, point: Point) -> str:
    """The text that the model reads for a stored passage."""
    return passage_input(encoder, point.payload["title"], point.payload["text"])[0]
