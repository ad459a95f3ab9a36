"""How many random examples a test tries."""

from __future__ import annotations

import os

FACTOR = float(os.environ.get("POSTINGS_TEST_EXAMPLES", "1"))


def examples(number: int) -> int:
    """``number``, or a multiple of it in a long run: ``make soak``."""
    return max(1, round(number * FACTOR))
