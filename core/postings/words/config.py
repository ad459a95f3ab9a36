"""How the words of a collection are read and weighted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

WORDS = "words"
"""The name of the words' vectors in a collection."""

DEFAULT_WEIGHT = 0.4
"""The words' weight in a score, where neither the settings nor the search say one; see ``benchmarks/words.py``."""

MAX_WEIGHT = 1000
"""The largest weight of words in a score."""

_AVERAGE_LENGTH = 256.0  # Qdrant's default
_MEASURED_ON = 1024
_EACH_BATCH = 64


@dataclass(frozen=True, slots=True)
class WordsConfig:
    """How the words of a collection are read and weighted; recorded in the collection.

    Attributes:
        weight: of the words in a score: score = model's score + weight x words' score.
        language: decides the stop words and the stemmer, such as ``english``; ``none`` for neither.
        stemmer: the language of another stemmer, or ``none``; by default that of ``language``.
        stopwords: other stop words; by default those of ``language``.
        average_length: words of a passage on average; ``None`` until it is measured.
        measured_on: the number of passages that it was measured on; 0 if it was given.
        added: whether the collection was created without words, so that passages may lack them.

    Example:
        >>> WordsConfig(average_length=38.5).to_json()
        {'weight': 0.4, 'language': 'english', 'average_length': 38.5, 'measured_on': 0}
    """

    weight: float = DEFAULT_WEIGHT
    language: str = "english"
    stemmer: str | None = None
    stopwords: tuple[str, ...] | None = None
    average_length: float | None = None
    measured_on: int = 0
    added: bool = False

    @property
    def length(self) -> float:
        """The average length to weight words by; Qdrant's default until it is measured."""
        return self.average_length or _AVERAGE_LENGTH

    def measured(self, words: int, passages: int) -> Self:
        """With the average length of these new passages too, if they are many enough to change it.

        A collection's first passages may be few, and of unusual length. So the average goes on changing until it was
        measured on about a thousand: with each batch at first, then with each quarter as many.

        Args:
            words: in all of them.
            passages: their number.
        """
        given = self.average_length is not None and not self.measured_on
        due = 1 if self.measured_on < _EACH_BATCH else self.measured_on // 4
        if given or self.measured_on >= _MEASURED_ON or passages < due:
            return self
        total = words + (self.average_length or 0.0) * self.measured_on
        if not total:
            return self
        every = self.measured_on + passages
        return replace(self, average_length=round(total / every, 2), measured_on=every)

    def reads_like(self, other: WordsConfig) -> bool:
        """Whether both read the same words in a text, however they weight them."""
        return (self.language, self.stemmer, self.stopwords) == (other.language, other.stemmer, other.stopwords)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON; :meth:`from_json` reads it back."""
        return {name: value for name, value in asdict(self).items() if value is not None and value is not False}

    @classmethod
    def from_json(cls, data: object) -> Self | None:
        """Read what :meth:`to_json` wrote; ``None`` if it is malformed."""
        match data:
            case {"weight": int() | float() as weight, "language": str(language), **rest}:
                stemmer, stopwords, length = rest.get("stemmer"), rest.get("stopwords"), rest.get("average_length")
                return cls(
                    weight=float(weight),
                    language=language,
                    stemmer=stemmer if isinstance(stemmer, str) else None,
                    stopwords=tuple(map(str, stopwords)) if isinstance(stopwords, list | tuple) else None,
                    average_length=float(length) if isinstance(length, int | float) and length > 0 else None,
                    measured_on=_count(rest),
                    added=rest.get("added") is True,
                )
        return None


def _count(data: Mapping[Any, Any]) -> int:
    found = data.get("measured_on")
    return found if isinstance(found, int) and found > 0 else 0
