"""Whether screening in low precision is worth it for a model."""

from __future__ import annotations

_WORTHWHILE = 0.15  # of the vocabulary


class ScreenYield:
    """Counts the entries that pass the screen: if they are many, computing them again costs more than it saves.

    Of a trained model, one or two percent pass. Of a model with random weights, or one that collapsed in training,
    nearly all may pass: after the first pass, its whole product is computed without a screen.
    """

    def __init__(self) -> None:
        self.pays = True
        """Whether to screen the next pass; once false, it stays false."""
        self._passed = self._screened = 0

    def note(self, passed: int, screened: int) -> bool:
        """Count the entries of a pass; return whether to compute just the ones that passed."""
        self._passed += passed
        self._screened += screened
        self.pays = self._passed <= _WORTHWHILE * self._screened
        return passed <= _WORTHWHILE * screened
