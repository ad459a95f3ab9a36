"""Iterating in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")


def batched(items: Iterable[_T], size: int) -> Iterator[tuple[_T, ...]]:
    """Yield up to ``size`` items at a time, like Python 3.12's ``itertools.batched``.

    Example:
        >>> list(batched("abcde", 2))
        [('a', 'b'), ('c', 'd'), ('e',)]
    """
    source = iter(items)
    while batch := tuple(islice(source, size)):
        yield batch
