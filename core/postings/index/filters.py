"""Converting filters to Qdrant's JSON form.

Users write this form on the command line, Postings builds its own filters in it, and each engine converts it to its own
types. It doesn't need qdrant-client, which takes a second to import.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from postings.errors import InvalidFilter
from postings.index.protocol import Filter

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter


def as_json(filter: ClientFilter | Filter) -> Filter:
    """Convert a filter to JSON form: objects, lists and plain values, which can be read any number of times.

    Args:
        filter: a ``qdrant_client.models.Filter``, or a mapping. Its lists may be any iterables, and its conditions may
            be models of qdrant-client.

    Raises:
        InvalidFilter: this isn't a filter.

    Example:
        >>> as_json({"must": ({"key": "metadata.year", "match": {"any": range(2020, 2022)}} for _ in "a")})
        {'must': [{'key': 'metadata.year', 'match': {'any': [2020, 2021]}}]}
    """
    client_filter = type(filter).__name__ == "Filter" and hasattr(type(filter), "model_dump")
    if not isinstance(filter, Mapping) and not client_filter:
        raise InvalidFilter(
            f"a filter must be a qdrant_client.models.Filter or its JSON object, got {type(filter).__name__}"
        )
    try:
        plain: Filter = plain_values(filter)
    except RecursionError as error:
        raise InvalidFilter("filter is nested too deeply") from error
    return plain


_PLAIN = (str, int, float, bool, type(None))


def plain_values(value: Any) -> Any:
    """Convert mappings, iterables, models, dates, UUIDs and numpy numbers to objects, lists and plain values."""
    if type(value) in _PLAIN:  # as most are; the checks for abstract classes take ten times as long
        return value
    if isinstance(value, Mapping):
        return {name: plain_values(each) for name, each in value.items()}
    if hasattr(type(value), "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [plain_values(each) for each in value]
    if isinstance(value, datetime.date):  # or a datetime, which is one
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value
