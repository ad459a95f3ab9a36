"""Word statistics of BM25: how much a rare word counts, and which words share a stem.

Robertson and Zaragoza 2009, https://doi.org/10.1561/1500000019
"""

from __future__ import annotations

import math
from typing import Any

from postings.errors import MissingExtra

K1 = 1.2
"""How slowly a word's weight grows with its count in a text."""
B = 0.75
"""How much the length of a text lowers the weights: 0 not at all, 1 in full."""


def inverse_document_frequency(having: int, of: int) -> float:
    """BM25's weight of a word or token that ``having`` of ``of`` documents contain.

    Example:
        >>> inverse_document_frequency(1, of=1000) > inverse_document_frequency(900, of=1000) > 0
        True
    """
    return math.log1p((of - having + 0.5) / (having + 0.5))


def english_stemmer() -> Any:
    """The English Snowball stemmer; it leaves words of other languages mostly as they are.

    Raises:
        MissingExtra: ``PyStemmer`` isn't installed.
    """
    try:
        from Stemmer import Stemmer
    except ImportError as error:
        raise MissingExtra("training", "words by their stem") from error
    return Stemmer("english")
