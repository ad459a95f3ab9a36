"""The resemblance of two texts: the part of their shingles that both have.

Broder 1997 (On the resemblance and containment of documents). All shingles are compared: the texts are too short and
too few to need MinHash.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set as AbstractSet

_LENGTH = 5


def normalized(text: str) -> str:
    """The words of a text in lower case, separated by single spaces; texts with the same words are equal.

    Example:
        >>> normalized("How are glacier caves formed ?")
        'how are glacier caves formed'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", folded)) or " ".join(folded.split())


def shingles(text: str) -> frozenset[str]:
    """All runs of 5 characters in the normalized text, with a space on each side; a shorter text is one shingle.

    Shingles of words would be too coarse for queries: if one of five words has another ending, hardly any would match.

    Example:
        >>> sorted(shingles("Cats!"))
        [' cats', 'cats ']
    """
    whole = f" {normalized(text)} "
    return frozenset(whole[at : at + _LENGTH] for at in range(max(1, len(whole) - _LENGTH + 1)))


def resemblance(one: AbstractSet[str], other: AbstractSet[str]) -> float:
    """The Jaccard similarity of two sets of shingles, from 0 to 1.

    Example:
        >>> resemblance(shingles("a white horse"), shingles("A white horse."))
        1.0
    """
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
