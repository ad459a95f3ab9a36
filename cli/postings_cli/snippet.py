"""Which part of a long text to show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

Mark: TypeAlias = tuple[int, int, float]
"""Start and end of what is marked in a text, and how much it counts."""

_SPACE = re.compile(r"\s")


def snippet(text: str, marks: Sequence[Mark], length: int) -> tuple[int, int]:
    """Choose the part of a text whose marks count most, in whole words where it has any.

    Args:
        text: the whole text.
        marks: what should be seen of it; without any, its start is.
        length: characters to show, at most.

    Returns:
        Start and end of the part.

    Example:
        >>> start, end = snippet("one two three four five", [(14, 18, 1.0)], length=14)
        >>> "one two three four five"[start:end]
        'four five'
    """
    if len(text) <= length:
        return 0, len(text)

    def inside(first: int) -> list[Mark]:
        return [mark for mark in marks if first <= mark[0] and mark[1] <= first + length]

    first = max((start for start, _, _ in marks), key=lambda at: (sum(each[2] for each in inside(at)), -at), default=0)
    last = max((end for _, end, _ in inside(first)), default=first)
    start = min(max(first - (length - (last - first)) // 2, 0), len(text) - length)
    end = start + length
    if start and not text[start - 1].isspace() and (space := _SPACE.search(text, start, first)):
        start = space.end()
    if end < len(text) and not text[end].isspace():
        spaces = [space.start() for space in _SPACE.finditer(text, max(last, start + 1), end)]
        end = spaces[-1] if spaces else end
    return start, end
