"""How alike two texts are: the shingles they share.

Broder 1997 (On the resemblance and containment of documents). The sets are compared as they are; texts are too short
and too few to need MinHash.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set as AbstractSet

_LENGTH = 5


def normalized(text: str) -> str:
    """The words, in lower case, with one space between: what texts are equal by.

    Example:
        >>> normalized("How are glacier caves formed ?")
        'how are glacier caves formed'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", folded)) or " ".join(folded.split())


def shingles(text: str) -> frozenset[str]:
    """The runs of 5 characters in the words of a text, their borders included; a shorter text is one shingle.

    Characters, since words are too coarse for queries: one changed ending of five words leaves them hardly alike.

    Example:
        >>> sorted(shingles("Cats!"))
        [' cats', 'cats ']
    """
    whole = f" {normalized(text)} "
    return frozenset(whole[at : at + _LENGTH] for at in range(max(1, len(whole) - _LENGTH + 1)))


def resemblance(one: AbstractSet[str], other: AbstractSet[str]) -> float:
    """The part of all shingles that both have, in 0..1 (Jaccard).

    Example:
        >>> resemblance(shingles("a white horse"), shingles("A white horse."))
        1.0
    """
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
