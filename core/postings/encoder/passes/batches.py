"""Batches of texts of similar length, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_PADDING = 0.15


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Group texts into batches, longest texts first; yield the positions of the texts of each batch.

    A batch has at most ``budget`` tokens, counted as texts x longest, unless it is a single text. At most 15 % of it is
    padding. Because the longest come first, memory is allocated once, and a batch that doesn't fit fails early.

    Args:
        lengths: of the texts, in tokens.
        budget: in tokens, including padding.

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
            padding = padded - total - lengths[position]
            if padded > budget or padding > _PADDING * padded:
                yield batch
                batch, total = [], 0
        batch.append(position)
        total += lengths[position]
    if batch:
        yield batch
