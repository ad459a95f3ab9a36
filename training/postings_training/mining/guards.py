"""Rules for which of the found texts may be a hard negative."""

from __future__ import annotations

from dataclasses import dataclass

from postings.arguments import as_integer, as_number
from postings.errors import ConfigurationError

_DEEPEST = 10_000


@dataclass(frozen=True, slots=True)
class Guards:
    """Rules against false negatives: texts that may answer the query, although no pair says so.

    The margins are those of NV-Retriever (Moreira et al. 2024, https://arxiv.org/abs/2407.15831).

    Args:
        skip: number of texts left out at the top of the ranking, not counting known answers.
        depth: number of texts considered, from the top, not counting known answers.
        margin: smallest difference between the positive's score and a negative's.
        relative_margin: smallest difference as a part of the positive's score: 0.05 allows 95 % of its score.

    Raises:
        ConfigurationError: a value isn't a number or is out of range.

    Example:
        >>> Guards(margin=1.0, relative_margin=0.05).highest(10.0)
        9.0
    """

    skip: int = 0
    depth: int = 100
    margin: float = 0.0
    relative_margin: float = 0.05

    def __post_init__(self) -> None:
        for whole in ("skip", "depth"):
            as_integer(whole, getattr(self, whole), ConfigurationError)
        for real in ("margin", "relative_margin"):
            as_number(real, getattr(self, real), ConfigurationError)
        if not 0 <= self.skip < self.depth <= _DEEPEST:
            raise ConfigurationError(
                f"expected 0 <= skip < depth <= {_DEEPEST:,}, got skip {self.skip} and depth {self.depth}"
            )
        if not 0 <= self.margin < float("inf"):
            raise ConfigurationError(f"expected a margin of 0 or more, got {self.margin}")
        if not 0 <= self.relative_margin <= 1:
            raise ConfigurationError(f"expected a relative margin in 0..1, got {self.relative_margin}")

    def highest(self, positive: float) -> float:
        """The highest score that a negative may have if the positive has this score."""
        return min(positive - self.margin, positive * (1 - self.relative_margin))
