"""Iterating in batches, and doing once what a batch has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")


def batched(items: Iterable[_T], size: float, weight: Callable[[_T], float] = lambda _: 1) -> Iterator[list[_T]]:
    """Yield items in batches, like Python 3.12's ``itertools.batched``.

    Args:
        items: any iterable; it is read one batch at a time.
        size: a batch is complete when its items weigh this much. By default: items in a batch.
        weight: gives the weight of an item; by default each weighs 1.

    Example:
        >>> list(batched("abcde", 2))
        [['a', 'b'], ['c', 'd'], ['e']]
        >>> list(batched(["ab", "c", "defg", "h"], 3, len))
        [['ab', 'c'], ['defg'], ['h']]
    """
    batch: list[_T] = []
    total = 0.0
    for item in items:
        batch.append(item)
        total += weight(item)
        if total >= size:
            yield batch
            batch, total = [], 0.0
    if batch:
        yield batch


def halves(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield both halves of several items, to find out which of them is refused; nothing of a single one.

    Example:
        >>> list(halves("abc")), list(halves("a"))
        (['a', 'bc'], [])
    """
    if len(items) > 1:
        middle = len(items) // 2
        yield items[:middle]
        yield items[middle:]


def once_each(function: Callable[[_T], _R]) -> Callable[[_T], _R]:
    """Call a function once for each object: the searches of a batch often share their filter.

    Example:
        >>> calls, shared = [], {"must": []}
        >>> convert = once_each(lambda filter: calls.append(filter) or str(filter))
        >>> convert(shared), convert(shared), len(calls)
        ("{'must': []}", "{'must': []}", 1)
    """
    done: dict[int, tuple[_T, _R]] = {}

    def once(item: _T) -> _R:
        if id(item) not in done:
            done[id(item)] = item, function(item)  # the item too, so that no other gets its id
        return done[id(item)][1]

    return once
