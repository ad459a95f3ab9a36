"""How much an encoder has done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Work:
    """What an encoder has done since it was loaded.

    Attributes:
        passes: number of passes over the model.
        tokens: encoded in them, without padding; characters for models that sentence-transformers encodes with.
        seconds: duration of the passes.
        halvings: how often a pass was halved because it ran out of memory.
    """

    passes: int = 0
    tokens: int = 0
    seconds: float = 0.0
    halvings: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.passes + other.passes,
            self.tokens + other.tokens,
            self.seconds + other.seconds,
            self.halvings + other.halvings,
        )
