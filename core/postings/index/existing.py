"""Which collections there are, for whoever named one that isn't there."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN = 10


def existing(names: Iterable[str]) -> str:
    """Say which collections an index holds.

    Example:
        >>> existing(["docs", "articles"]), existing([])
        ('there are: articles, docs', 'there is no other')
    """
    known = sorted(names)
    if not known:
        return "there is no other"
    more = f" and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else ""
    return f"there are: {', '.join(known[:_SHOWN])}{more}"
