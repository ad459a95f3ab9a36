"""How many passages may be encoded in a second."""

from __future__ import annotations

from postings.arguments import as_number
from postings.errors import InvalidInput

LEAST = 0.01
"""Slower, a page of passages would take longer than clocks can wait."""


def checked_rate(rate: object) -> float | None:
    """Return a rate that can be kept; ``None`` is no limit.

    Raises:
        InvalidInput: it isn't a number, or is too small.

    Example:
        >>> checked_rate(500)
        500.0
    """
    if rate is None:
        return None
    number = as_number("rate", rate, InvalidInput)
    if number < LEAST:
        raise InvalidInput(f"rate must be at least {LEAST} passages a second, got {number:g}")
    return number
