"""What a collection may be called, and which collections an index has."""

from __future__ import annotations

import re
from collections.abc import Iterable

PATTERN = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}"
"""The names, as a regular expression."""

_NAME = re.compile(PATTERN)
_SHOWN = 10


def checked_collection_name(name: object) -> str:
    """Return a name that a collection may have, on a server and as the name of a folder; else raise ``ValueError``.

    Example:
        >>> checked_collection_name("../documents")
        Traceback (most recent call last):
        ...
        ValueError: expected a collection name of 1 to 200 letters, digits, '_', '-' and '.', not beginning with
        '-' or '.'
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            "expected a collection name of 1 to 200 letters, digits, '_', '-' and '.', not beginning with '-' or '.'"
        )
    return name


def listed(names: Iterable[str]) -> str:
    """List the collections of an index, for the message about one that it doesn't have.

    Example:
        >>> listed(["docs", "articles"]), listed([])
        ('there are: articles, docs', 'there is no other')
    """
    known = sorted(names)
    if not known:
        return "there is no other"
    more = f" and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else ""
    return f"there are: {', '.join(known[:_SHOWN])}{more}"
