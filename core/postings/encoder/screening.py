"""Whether the low-precision screen of SPLADE's head pays for a model."""

from __future__ import annotations

_TOO_MANY = 0.15


class ScreenYield:
    """Counts what the screen leaves: multiplying too much of the vocabulary again costs more than it saves.

    A trained model leaves one or two percent. One with random weights, or collapsed in training, may leave nearly
    all; it loses one pass before its whole product is taken directly.
    """

    def __init__(self) -> None:
        self.pays = True
        """Whether to screen at all; never true again once it was false."""
        self._left = self._seen = 0

    def note(self, left: int, seen: int) -> bool:
        """Count a pass: how many entries were left, of how many; says whether to go on with these."""
        self._left += left
        self._seen += seen
        self.pays = self._left <= _TOO_MANY * self._seen
        return left <= _TOO_MANY * seen
