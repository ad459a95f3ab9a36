"""Evidence: the characters of a text that activated each entry of its vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from postings.arguments import no_check
from postings.documents import Span
from postings.encoder.model_files.tokenizer import Offsets
from postings.encoder.passes.bulk import encode_all, positions_in_all
from postings.encoder.passes.shared import SharedPasses
from postings.encoder.routes.activations import Integers
from postings.vectors import SparseVector


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The characters that activated each entry of a vector; many entries share theirs with others.

    Attributes:
        spans: ``start`` and ``end`` of each token that activated an entry, in the order of the text, shape ``(n, 2)``.
        numbers: for each entry the number of its span from 1, or 0 if no character activated it, shape ``(entries,)``.
    """

    spans: Offsets
    numbers: Integers

    def lists(self) -> list[list[Span]]:
        """For each entry a list of one span, or of none.

        Example:
            >>> Evidence(np.array([[2, 6]]), np.array([1, 0])).lists()
            [[(2, 6)], []]
        """
        if not len(self.spans):
            return [[] for _ in self.numbers]
        # Of a few entries out of many: so only their spans are read. Number 0 reads any, which isn't used.
        own = self.spans[self.numbers - 1].tolist()
        return [
            [(start, end)] if number else [] for (start, end), number in zip(own, self.numbers.tolist(), strict=True)
        ]


def with_evidence(
    passes: SharedPasses, prompt: str, texts: Sequence[str], check: Callable[[], object] = no_check
) -> list[tuple[SparseVector, Evidence]]:
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
        (each.vector, _evidence(text, len(prompt), offsets[at] if offsets else None, each.positions, len(each.vector)))
        for at, (text, each) in enumerate(zip(read, found, strict=True))
    ]


def evidence_of(passes: SharedPasses, prompt: str, texts: Sequence[str], entries: Sequence[Integers]) -> list[Evidence]:
    """Find the evidence of some entries of each document."""
    read = [prompt + text for text in texts]
    prepared, offsets = passes.route.prepare_with_offsets(read)
    found = positions_in_all(passes, prepared, entries)
    return [
        _evidence(text, len(prompt), offsets[at] if offsets else None, found[at], len(entries[at]))
        for at, text in enumerate(read)
    ]


def _evidence(read: str, prompt: int, offsets: Offsets | None, positions: Integers | None, count: int) -> Evidence:
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
    if offsets is None or positions is None:
        return Evidence(np.empty((0, 2), np.int64), np.zeros(count, np.int64))
    # One more than there are tokens: the last is for the entries without a position.
    used = np.zeros(len(offsets) + 1, np.bool_)
    used[positions] = True
    tokens = used[:-1].nonzero()[0]
    spans = offsets[tokens]
    own = spans[:, 0] < spans[:, 1]
    tokens, spans = tokens[own], spans[own]
    if any(map(str.isspace, map(read.__getitem__, spans[:, 0].tolist()))):
        spans = np.array([_without_space(read, start, end) for start, end in spans.tolist()], np.int64)
    if prompt:
        spans = spans - prompt
    own = (spans[:, 0] >= 0) & (spans[:, 0] < spans[:, 1])
    numbers = np.zeros(len(used), np.int64)
    numbers[tokens] = np.where(own, own.cumsum(), 0)
    return Evidence(spans[own], numbers[positions])


def _without_space(text: str, start: int, end: int) -> Span:
    """A token's offsets without the space before it, which byte-level tokenizers include."""
    while start < end and text[start].isspace():
        start += 1
    return start, end
