"""The fields that a filter can be on: one on any other would match nothing, or with ``must_not`` everything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from postings.errors import InvalidFilter
from postings.index.filters import as_json
from postings.index.protocol import Filter

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

FIELDS = ("doc_id", "ordinal", "version", "passages", "start", "end", "title", "text")
"""What users filter on, beside ``metadata.<key>``; :mod:`postings.index.payload` says what each is."""

_OWN = ("deleted_at", "digest", "metadata_digest", "at_head")
_IDS = ("id", "_id")
_GROUPS = {"must", "should", "must_not", "min_should", "conditions", "is_empty", "is_null"}
# A path of Qdrant's: a name, in quotation marks if it has other characters, and what follows inside of that field.
_METADATA = re.compile(r'(metadata|"metadata")([.\[].*)?', re.DOTALL)


def checked_filter(filter: ClientFilter | Filter) -> Filter:
    """Bring a filter to JSON form, see :func:`postings.index.filters.as_json`, and check the fields that it is on.

    A key of the metadata that no document has is none that can be known of: it isn't refused.

    Raises:
        InvalidFilter: it isn't a filter, or a condition is on a field that no passage has; the message names the place
            in the filter, the fields that there are, and what may have been meant.

    Example:
        >>> checked_filter({"must": [{"key": "legs", "match": {"value": 2}}]})
        Traceback (most recent call last):
        ...
        postings.errors.InvalidFilter: filter.must[0].match: no field is called 'legs'; did you mean 'metadata.legs'? \
The fields are doc_id, ordinal, version, passages, start, end, title, text and metadata.*
    """
    plain = as_json(filter)
    for place, key in _keys(plain, "filter"):
        if key.strip('"') not in (*FIELDS, *_OWN) and not _METADATA.fullmatch(key):
            meant = "doc_id" if key in _IDS else f"metadata.{key}"
            raise InvalidFilter(
                f"{place}: no field is called {key!r:.100}; did you mean {meant!r:.100}? "
                f"The fields are {', '.join(FIELDS)} and metadata.*"
            )
    return plain


def _keys(data: Any, at: str) -> Iterator[tuple[str, str]]:
    """The fields that conditions are on, with the place of each; whatever is no condition is left to others."""
    if isinstance(data, list):
        for number, inner in enumerate(data):
            yield from _keys(inner, f"{at}[{number}]")
    elif isinstance(data, Mapping) and isinstance(key := data.get("key"), str):
        clause = next((f".{name}" for name in data if name != "key"), "")
        yield f"{at}{clause}", key
    elif isinstance(data, Mapping):
        for name in _GROUPS.intersection(data):
            yield from _keys(data[name], f"{at}.{name}")
        nested = data.get("nested")
        # The conditions inside are on fields of the elements.
        if isinstance(nested, Mapping) and isinstance(key := nested.get("key"), str):
            yield f"{at}.nested", key
