"""The version of Qdrant that a filter needs.

Over gRPC, a server ignores conditions that it doesn't know: a search then finds too much, and a delete deletes all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from pydantic import BaseModel
from qdrant_client import models as q

from postings.errors import InvalidFilter

Version: TypeAlias = tuple[int, int]

MINIMUM_VERSION: Version = (1, 18)
"""Qdrant has conditional upserts and collection metadata since 1.16, and adds named vectors to an existing collection
(to change its model) since 1.18. Postings writes nothing that is newer."""

SINCE: Mapping[str, Version] = {
    **dict.fromkeys(("must", "should", "must_not", "min_should", "conditions", "min_count"), MINIMUM_VERSION),
    **dict.fromkeys(("is_empty", "is_null", "has_id", "has_vector", "nested", "filter"), MINIMUM_VERSION),
    **dict.fromkeys(("key", "match", "range", "values_count", "lt", "gt", "lte", "gte"), MINIMUM_VERSION),
    **dict.fromkeys(("value", "any", "except", "text", "text_any", "phrase"), MINIMUM_VERSION),
    **dict.fromkeys(("geo_bounding_box", "geo_radius", "geo_polygon", "top_left", "bottom_right"), MINIMUM_VERSION),
    **dict.fromkeys(("center", "radius", "exterior", "interiors", "points", "lon", "lat"), MINIMUM_VERSION),
    **dict.fromkeys(("slice", "total", "index", "prefix"), (1, 19)),
    "substring": (1, 20),
}
"""The version that added each name in a filter's JSON, at least ``MINIMUM_VERSION``."""

CORPUS = "corpus"
"""Document frequencies among some points. An older server ignores this, and counts all."""

_SINCE: Mapping[str, Version] = {**SINCE, CORPUS: (1, 19)}


class Need(NamedTuple):
    """The newest name in a filter, and the version that added it."""

    version: Version
    word: str


def read_version(text: str) -> Version:
    """The first two numbers of a version; zeros if it has another form.

    Example:
        >>> read_version("1.18.3-dev")
        (1, 18)
    """
    numbers = re.match(r"(\d+)\.(\d+)", text)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def shown(version: Version) -> str:
    """Format a version."""
    return ".".join(map(str, version))


def need_of(arguments: object) -> Need | None:
    """The version that the filters in a request need; ``None`` if every supported server has all of it.

    Raises:
        InvalidFilter: a newer qdrant-client has a name that isn't in the table.

    Example:
        >>> need_of([q.Filter(must_not=[q.SliceCondition(slice=q.Slice(total=2, index=0))])])
        Need(version=(1, 19), word='slice')
    """
    fields: dict[tuple[type[BaseModel], str], None] = {}  # in the order in which they were met
    _collect(arguments, fields)
    words = [type.model_fields[name].alias or name for type, name in fields]
    if unknown := set(words) - _SINCE.keys():
        raise InvalidFilter(
            f"this version of Postings doesn't know {min(unknown)!r} in a filter, and older Qdrant servers would "
            "ignore the condition: update Postings"
        )
    needs = [Need(_SINCE[word], word) for word in words]
    newest = max(needs, key=lambda need: need.version, default=None)
    return None if newest is None or newest.version <= MINIMUM_VERSION else newest


def _collect(value: object, fields: dict[tuple[type[BaseModel], str], None], *, in_filter: bool = False) -> None:
    """Collect the fields that the filters in a value set, wherever they are."""
    if isinstance(value, BaseModel):
        in_filter = in_filter or isinstance(value, q.Filter | q.IdfCorpusParams)
        for name, inner in value:
            if inner is not None:
                if in_filter:
                    fields[type(value), name] = None
                _collect(inner, fields, in_filter=in_filter)
    # Skips numbers: walking through those of a vector would take longer than sending them.
    elif isinstance(value, list | tuple) and value and not isinstance(value[0], int | float | str):
        for inner in value:
            _collect(inner, fields, in_filter=in_filter)
    elif isinstance(value, Mapping):
        for inner in value.values():
            _collect(inner, fields, in_filter=in_filter)
