"""Giving stored passages the vectors of another model.

Passages stay as they were cut, so that their offsets and everything else about them stay true. A model that reads fewer
tokens than a passage has reads its beginning, as it would of any long text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from postings import Encoder, Index
from postings.arguments import no_check
from postings.index import Filter, Point
from postings.index.payload import REVISION_FIELDS, unchanged_since, without_vector
from postings.passages import passage_input


def passages_without_vector(index: Index, fingerprint: str, among: Filter) -> Iterator[Point]:
    """Read the matching passages that have no vector of a model, as :func:`fill` needs them."""
    return index.scroll({"must": [among, without_vector(fingerprint)]}, fields=REVISION_FIELDS)


def fill(index: Index, encoder: Encoder, points: Sequence[Point], check: Callable[[], object] = no_check) -> None:
    """Encode stored passages with a model, and set their vectors.

    A passage that has been written again since it was read stays as it is: its writer sees to the vector.

    Args:
        index: the index that holds them.
        encoder: the model; the collection must have it.
        points: passages, read with the fields :data:`postings.index.payload.REVISION_FIELDS`.
        check: called before each pass over the model; what it raises ends the work.
    """
    texts = [passage_input(encoder, point.payload["title"], point.payload["text"])[0] for point in points]
    vectors = encoder.encode_documents(texts, check)
    filled = [Point(point.id, {}, {encoder.fingerprint: vector}) for point, vector in zip(points, vectors, strict=True)]
    index.update_vectors(filled, unchanged_since(points))
