"""Batches of similar length under a budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_PADDING = 0.15


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions of texts to encode together, longest first.

    A batch holds at most ``budget`` (texts x longest; one text alone may exceed it), and at most 15 % of it is
    padding. The longest come first, so that memory is asked for once, and what doesn't fit shows at once.

    Args:
        lengths: of the texts, in tokens.
        budget: in tokens, padding included.

    Example:
        >>> list(batches([3, 10, 9, 4], budget=20))
        [[1, 2], [3, 0]]
    """
    order = sorted(range(len(lengths)), key=lambda position: -lengths[position])
    batch: list[int] = []
    total = 0
    for position in order:
        if batch:
            padded = (len(batch) + 1) * lengths[batch[0]]
            wasted = padded - total - lengths[position]
            if padded > budget or wasted > _PADDING * padded:
                yield batch
                batch, total = [], 0
        batch.append(position)
        total += lengths[position]
    if batch:
        yield batch
