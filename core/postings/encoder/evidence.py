"""Evidence: the characters of a text that activated each entry of its vector."""

from __future__ import annotations

from postings.documents import Span
from postings.encoder.model_files.tokenizer import Tokenizer
from postings.encoder.routes.activations import Integers


def spans(tokenizer: Tokenizer, prompt: str, text: str, positions: Integers | None, count: int) -> list[list[Span]]:
    """Turn the positions of ``count`` entries into character offsets of the text.

    Args:
        tokenizer: of the route that gave the positions.
        prompt: read in front of the text.
        text: the document.
        positions: token positions, -1 for entries that aren't active; ``None`` if the route knows none.
        count: number of entries.

    Returns:
        One ``(start, end)`` for each entry; none for a special token, for the prompt, or without a position.
    """
    if positions is None:
        return [[] for _ in range(count)]
    read = prompt + text
    offsets = tokenizer.offsets_read(read)
    found = [
        _without_space(read, int(offsets[at, 0]), int(offsets[at, 1]), len(prompt)) if at >= 0 else (0, 0)
        for at in positions
    ]
    return [[(start, end)] if end > start >= 0 else [] for start, end in found]


def _without_space(text: str, start: int, end: int, prompt: int) -> Span:
    """A token's offsets without the space before it, which byte-level tokenizers include."""
    while start < end and text[start].isspace():
        start += 1
    return start - prompt, end - prompt
