"""The conditions of filters that find the documents with a value in their metadata."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

Value: TypeAlias = str | int | float | bool

MOST_PATHS = 10
"""Ways to write a field at most: a filter that joins conditions may only be so large."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_UNNAMED = re.compile(r'["\\]')  # Qdrant's paths have no escape for them
_LARGEST = 2**53 - 1  # beyond it, neighbors are one float, and what JavaScript reads is another number


class FoundValue(NamedTuple):
    """A value in metadata.

    Attributes:
        field: its keys, joined by dots.
        path: where a filter finds it, in Qdrant's syntax: ``metadata.a[]."publication year"``.
        value: the value.
    """

    field: str
    path: str
    value: Value


def values(metadata: Mapping[str, Any]) -> Iterator[FoundValue]:
    """All strings, numbers and booleans in metadata; of a list, each element.

    Example:
        >>> list(values({"authors": [{"first name": "Ann"}]}))
        [FoundValue(field='authors.first name', path='metadata.authors[]."first name"', value='Ann')]
    """
    return _values(metadata, "", "metadata")


def condition(field: str, value: Value, paths: Collection[str], *, as_float: bool) -> dict[str, Any] | None:
    """The condition that finds the documents that have a value in a field, whatever else is in their metadata.

    Args:
        field: the keys, joined by dots.
        value: the value.
        paths: all paths that the field has in documents: a name with a dot, or a list of objects, has one of its own.
        as_float: whether a number may be stored as a float: ``match`` finds 1 but not 1.0.

    Returns:
        A condition, or ``None`` if no condition finds exactly these documents: a key has a quote or a backslash, which
        Qdrant's paths can't name; a number isn't within ±(2^53 - 1); or there are more than 10 paths.

    Example:
        >>> condition("publication year", 2023, ['metadata."publication year"'], as_float=False)
        {'key': 'metadata."publication year"', 'match': {'value': 2023}}
    """
    clause: dict[str, Any] = {"match": {"value": value}}
    if _UNNAMED.search(field) or len(paths) > MOST_PATHS:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) > _LARGEST:
            return None
        if as_float:
            clause = {"range": {"gte": value, "lte": value}}
    each = [{"key": path, **clause} for path in sorted(paths)]
    return each[0] if len(each) == 1 else {"should": each}


def _values(value: Any, field: str, path: str) -> Iterator[FoundValue]:
    match value:
        case Mapping():
            for key, inner in value.items():
                step = key if _PLAIN.fullmatch(key) else f'"{key}"'
                yield from _values(inner, f"{field}.{key}" if path != "metadata" else key, f"{path}.{step}")
        case list():
            for inner in value:
                yield from _values(inner, field, f"{path}[]")
        case bool() | int() | float() | str():
            # A condition on a list looks at its elements.
            yield FoundValue(field, path.removesuffix("[]"), value)
