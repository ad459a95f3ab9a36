"""Filters, and how large they may be: a search can't be stopped in the engine, and others wait for its thread."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field

MAX_VALUES = 10_000
"""Values of a filter, in all: the engine takes a tenth of a second to read as many."""

MAX_VALUES_OF_BATCH = 100_000
"""Values of a filter times queries of a batch: the engine reads it for each query."""

MAX_OBJECTS = 100
"""Objects of a filter, of which a condition has two or three: the engine takes 14 µs for each condition and passage."""

MAX_DEPTH = 64
"""Objects and lists in each other, of which a condition has about four, and each clause around it adds two."""


def size(filter: dict[str, Any]) -> int:
    """The number of a filter's values, objects and lists.

    Raises:
        ValueError: it is too large.

    Example:
        >>> size({"must": [{"key": "doc_id", "match": {"any": ["1", "2"]}}]})
        8
    """
    values = objects = depth = 0
    level: list[Any] = [filter]
    while level:
        values, depth = values + len(level), depth + 1
        objects += sum(isinstance(each, dict) for each in level)
        if values > MAX_VALUES:
            raise ValueError(f"a filter may have at most {MAX_VALUES:,} values")
        if objects > MAX_OBJECTS:
            raise ValueError(f"a filter may have at most {MAX_OBJECTS} objects: match any of a list, rather than each")
        if depth > MAX_DEPTH:
            raise ValueError(f"a filter may be at most {MAX_DEPTH} deep")
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [each for several in inner for each in several]
    return values


def _limited(filter: dict[str, Any]) -> dict[str, Any]:
    size(filter)
    return filter


SmallFilter: TypeAlias = Annotated[dict[str, Any], AfterValidator(_limited)]
"""A filter that is small enough to hold up nobody for long."""

Filter = Annotated[
    SmallFilter | None,
    Field(
        description="A Qdrant filter, over `metadata.<key>`, `doc_id`, `title`, `text`, `version`, `ordinal`…",
        examples=[{"must": [{"key": "metadata.legs", "match": {"value": 4}}]}],
    ),
]
