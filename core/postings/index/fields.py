"""The fields that filters may use. A condition on another field would match nothing, or everything in ``must_not``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from postings.errors import InvalidFilter
from postings.index.filter_grammar import check_grammar
from postings.index.filters import as_json
from postings.index.protocol import Filter

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

FIELDS = ("doc_id", "ordinal", "version", "passages", "start", "end", "title", "text")
"""The fields that users may filter on, besides ``metadata.<key>``; see :mod:`postings.index.payload`."""

_OWN = ("deleted_at", "digest", "metadata_digest", "at_head", "tenant")
_IDS = ("id", "_id")
_GROUPS = {"must", "should", "must_not", "min_should", "conditions", "is_empty", "is_null"}
# A path in Qdrant: the name of a field, quoted if it has special characters, and the path inside of the field.
_METADATA = re.compile(r'(metadata|"metadata")([.\[].*)?', re.DOTALL)


def checked_filter(filter: ClientFilter | Filter) -> Filter:
    """Convert a filter to JSON form, see :func:`postings.index.filters.as_json`, and check its grammar and its fields.

    Any key of the metadata is accepted, because it isn't known which keys the documents have.

    Raises:
        InvalidFilter: this isn't a filter, or no passage has the field of a condition; the message says where in the
            filter, and what was expected.

    Example:
        >>> checked_filter({"must": [{"key": "legs", "match": {"value": 2}}]})
        Traceback (most recent call last):
        ...
        postings.errors.InvalidFilter: filter.must[0].match: no field is called 'legs'; did you mean 'metadata.legs'? \
The fields are doc_id, ordinal, version, passages, start, end, title, text and metadata.*
    """
    plain = as_json(filter)
    for path, key in filtered_fields(plain):
        if key.strip('"') == "title" and path.endswith(("is_empty", "is_null")):
            raise InvalidFilter(
                f"{path}: every document has a title, which may be empty: "
                """expected {"key": "title", "match": {"value": ""}}, or the same in must_not"""
            )
        if key.strip('"') not in (*FIELDS, *_OWN) and not _METADATA.fullmatch(key):
            suggestion = "doc_id" if key in _IDS else f"metadata.{key}"
            raise InvalidFilter(
                f"{path}: no field is called {key!r:.100}; did you mean {suggestion!r:.100}? "
                f"The fields are {', '.join(FIELDS)} and metadata.*"
            )
    check_grammar(plain)  # afterwards, because who names an unknown field needs to hear of it first
    return plain


def filtered_fields(filter: Filter) -> Iterator[tuple[str, str]]:
    """The fields of a filter's conditions, each with the path of the condition in the filter."""
    return _keys(filter, "filter")


def _keys(data: Any, at: str) -> Iterator[tuple[str, str]]:
    """The fields of all conditions, with their paths in the filter; anything that isn't a condition is skipped."""
    if isinstance(data, list):
        for number, inner in enumerate(data):
            yield from _keys(inner, f"{at}[{number}]")
    elif isinstance(data, Mapping) and isinstance(key := data.get("key"), str):
        clause = next((f".{name}" for name, value in data.items() if name != "key" and value is not None), "")
        yield f"{at}{clause}", key
    elif isinstance(data, Mapping):
        for name in _GROUPS.intersection(data):
            yield from _keys(data[name], f"{at}.{name}")
        nested = data.get("nested")
        # The conditions inside of it are on fields of the elements.
        if isinstance(nested, Mapping) and isinstance(key := nested.get("key"), str):
            yield f"{at}.nested", key
