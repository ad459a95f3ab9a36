"""Filters that select documents rather than passages."""

from __future__ import annotations

from collections.abc import Mapping

from postings.errors import InvalidFilter
from postings.index.fields import checked_filter, filtered_fields
from postings.index.filter_grammar import LISTS
from postings.index.payload import HEADS, TOMBSTONES
from postings.index.protocol import Filter

ALL_DOCUMENTS: Filter = {"must": HEADS["must"], "must_not": TOMBSTONES["must"]}
"""The heads of all documents, without those of deleted documents."""

_OF_PASSAGES = {"ordinal", "start", "end", "text"}


def heads_of_documents(filter: Filter) -> Filter:
    """The heads of the documents that match a filter, without those of deleted documents.

    Every passage has the document's other fields, and the head has them whole.

    Args:
        filter: on the id, title, version, number of passages or metadata.

    Raises:
        InvalidFilter: this isn't a filter, has no condition, or has one on a field in which passages differ.

    Example:
        >>> heads_of_documents({"must": [{"key": "text", "match": {"text": "lion"}}]})
        Traceback (most recent call last):
        ...
        postings.errors.InvalidFilter: filter.must[0].match: 'text' selects passages; to select documents, use doc_id,
        title, version, passages and metadata.*
    """
    plain = checked_filter(filter)
    if not _has_condition(plain):
        raise InvalidFilter("the filter has no condition, so it would select all documents")
    for path, key in filtered_fields(plain):
        if key.strip('"') in _OF_PASSAGES:
            raise InvalidFilter(
                f"{path}: {key!r:.100} selects passages; to select documents, use doc_id, title, version, passages and "
                "metadata.*"
            )
    return {"must": [*HEADS["must"], plain], "must_not": TOMBSTONES["must"]}


def _has_condition(filter: Filter | list[Filter] | None) -> bool:
    """Whether a filter, or one inside of it, has a condition."""
    if not isinstance(filter, Mapping):
        return any(map(_has_condition, filter or ()))
    if "nested" in filter:
        return _has_condition(filter["nested"]["filter"])
    if filter.keys() - {*LISTS, "min_should"}:
        return True
    least = filter.get("min_should")
    return any(map(_has_condition, [*map(filter.get, LISTS), least and least["conditions"]]))
