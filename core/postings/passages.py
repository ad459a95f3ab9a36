"""What the encoder reads for a passage: its title, then its text."""

from __future__ import annotations

from postings.encoder import Encoder


def passage_input(encoder: Encoder, title: str, text: str) -> tuple[str, int]:
    """Join title and text; returns the joined string and where the text begins in it.

    Ingestion encodes this string, and evidence is looked up in it, so both must build it here. A title that would
    take more than half of the encoder's window is cut at a token, so that every passage keeps room for its text.

    Example:
        >>> passage_input(Encoder.load("tiny"), "Lunch", "A man is eating food.")
        ('Lunch A man is eating food.', 6)
    """
    if not title.strip():
        return text, 0
    offsets = encoder.offsets(title)
    longest = encoder.window // 2
    shown = title if len(offsets) <= longest else title[: offsets[longest - 1][1]]
    return f"{shown} {text}", len(shown) + 1


def title_tokens(encoder: Encoder, title: str) -> int:
    """How many tokens of the window :func:`passage_input` gives to the title."""
    return min(len(encoder.offsets(title)), encoder.window // 2)
