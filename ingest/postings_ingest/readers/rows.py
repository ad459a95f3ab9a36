"""From a row (a JSON object, a CSV line, a Parquet row) to a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postings import Document
from postings.errors import InvalidDocument

_FIELDS = {"id", "_id", "title", "text", "metadata", "version"}


def document_from_row(row: object) -> Document:
    """Build a document from a row.

    Its fields are ``id`` (or BEIR's ``_id``), ``text``, ``title``, ``metadata`` and ``version``; every other field
    goes into the metadata. An integer id becomes a string.

    Raises:
        InvalidDocument: a field is missing or of the wrong type.

    Example:
        >>> document_from_row({"_id": 7, "text": "A man is eating food.", "lang": "en"}).metadata
        {'lang': 'en'}
    """
    if not isinstance(row, Mapping):
        raise InvalidDocument(f"expected an object with id and text, got {_kind(row)}")
    id = row.get("id", row.get("_id"))
    if id is None:
        raise InvalidDocument(f"id is missing: expected 'id' or '_id', got the fields {_names(row)}")
    if isinstance(id, int) and not isinstance(id, bool):
        id = str(id)
    if row.get("text") is None and not row.get("title"):
        raise InvalidDocument(f"text is missing: got the fields {_names(row)}")
    metadata = row.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, Mapping):
        raise InvalidDocument(f"metadata must be an object, got {_kind(metadata)}")
    others = {key: value for key, value in row.items() if key not in _FIELDS}
    return Document(
        id=id,
        text=_or_empty(row.get("text")),
        title=_or_empty(row.get("title")),
        metadata={**others, **metadata},
        version=row.get("version"),
    )


def _or_empty(value: Any) -> Any:
    return "" if value is None else value


def _names(row: Mapping[Any, Any]) -> str:
    return ", ".join(sorted(map(repr, row)))[:200] or "none"


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), type(value).__name__)
