"""The text that is encoded for a passage: its title, then its text."""

from __future__ import annotations

from postings.encoder import Encoder


def passage_input(encoder: Encoder, title: str, text: str) -> tuple[str, int]:
    """Join title and text; return the joined string and the offset of the text in it.

    Ingestion encodes this string and search finds evidence in it, so both must build it here. A title that is longer
    than half of the encoder's window is cut at a token, so that there is room for the text.

    Example:
        >>> passage_input(Encoder.load("tiny"), "Lunch", "A man is eating food.")
        ('Lunch A man is eating food.', 6)
    """
    if not title.strip():
        return text, 0
    longest = encoder.window // 2
    # Each token of ASCII text has a character, so most titles needn't be tokenized to see that they fit.
    if title.isascii() and len(title) <= longest:
        shown = title
    else:
        offsets = encoder.offsets(title)
        shown = title if len(offsets) <= longest else title[: offsets[longest - 1][1]]
    return f"{shown} {text}", len(shown) + 1


def title_tokens(encoder: Encoder, title: str) -> int:
    """Number of tokens that the title has in :func:`passage_input`."""
    return min(len(encoder.offsets(title)), encoder.window // 2)
