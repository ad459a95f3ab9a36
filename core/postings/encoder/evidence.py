"""Evidence: the characters of a text that activated each entry of its vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from postings.arguments import no_check
from postings.documents import Span
from postings.encoder.model_files.tokenizer import Offsets
from postings.encoder.passes.bulk import encode_all, positions_in_all
from postings.encoder.passes.shared import SharedPasses
from postings.encoder.routes.activations import Integers
from postings.vectors import SparseVector

Spans = npt.NDArray[np.int64]
"""``start`` and ``end`` of what activated each entry, both 0 if nothing of the text did; shape ``(entries, 2)``."""


def vectors_and_spans(
    passes: SharedPasses, prompt: str, texts: Sequence[str], check: Callable[[], object] = no_check
) -> list[tuple[SparseVector, Spans]]:
    """Encode documents in a pass that also gives the evidence of all entries.

    Args:
        passes: over the documents' side of the model.
        prompt: read in front of each text.
        texts: the documents.
        check: called before each pass; an exception in it ends the work.
    """
    read = [prompt + text for text in texts]
    prepared, offsets = passes.route.prepare_with_offsets(read)
    found = encode_all(passes, prepared, positions=True, check=check)
    return [
        (each.vector, _spans(read[at], len(prompt), offsets[at] if offsets else None, each.positions, len(each.vector)))
        for at, each in enumerate(found)
    ]


def spans_of(passes: SharedPasses, prompt: str, texts: Sequence[str], entries: Sequence[Integers]) -> list[Spans]:
    """Find the evidence of some entries of each document."""
    read = [prompt + text for text in texts]
    prepared, offsets = passes.route.prepare_with_offsets(read)
    found = positions_in_all(passes, prepared, entries)
    return [
        _spans(read[at], len(prompt), offsets[at] if offsets else None, found[at], len(wanted))
        for at, wanted in enumerate(entries)
    ]


def as_lists(spans: Spans) -> list[list[Span]]:
    """The spans as a list for each entry: of one span, or of none.

    Example:
        >>> as_lists(np.array([[2, 6], [0, 0]]))
        [[(2, 6)], []]
    """
    return [[(start, end)] if end > start else [] for start, end in spans.tolist()]


def _spans(read: str, prompt: int, offsets: Offsets | None, positions: Integers | None, count: int) -> Spans:
    """Turn token positions into character offsets in the text.

    Args:
        read: the prompt and the text.
        prompt: number of characters of the prompt.
        offsets: of each token in ``read``.
        positions: of each entry, -1 for those that aren't active; ``None`` if the route knows none.
        count: number of entries.

    Returns:
        The offsets; none for a special token, for the prompt, or without a position.
    """
    found = np.zeros((count, 2), np.int64)
    if offsets is None or positions is None:
        return found
    active = positions >= 0
    found[active] = offsets[positions[active]]
    starts = set(found[found[:, 0] < found[:, 1], 0].tolist())
    if any(read[start].isspace() for start in starts):
        found = np.array([_without_space(read, start, end) for start, end in found.tolist()], np.int64)
    found -= prompt
    found[(found[:, 0] < 0) | (found[:, 0] >= found[:, 1])] = 0
    return found


def _without_space(text: str, start: int, end: int) -> Span:
    """A token's offsets without the space before it, which byte-level tokenizers include."""
    while start < end and text[start].isspace():
        start += 1
    return start, end
