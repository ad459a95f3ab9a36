"""From a row (a JSON object, a CSV line, a Parquet row) to a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postings import Document
from postings.errors import InvalidDocument
from postings_ingest.readers.forms import id_text, json_form
from postings_ingest.readers.omissions import Kind, Omission, Omit, ignore

_FIELDS = {"id", "_id", "title", "text", "metadata", "version"}


def document_from_row(row: object, place: str = "", omit: Omit = ignore) -> Document:
    """Build a document from a row.

    Its fields are ``id`` (or BEIR's ``_id``), ``text``, ``title``, ``metadata`` and ``version``; every other field
    goes into the metadata. An id of any scalar type becomes its text, and so does a title; what JSON lacks gets the
    form that :func:`~postings_ingest.readers.forms.json_form` says.

    Args:
        row: what was read.
        place: where, as the document's ``source``.
        omit: called with each field that gives way to another: an ``_id`` beside an ``id``, and a field beside one of
            its name in ``metadata``. Equal ones aren't told.

    Raises:
        InvalidDocument: a field is missing or of the wrong type.

    Example:
        >>> document_from_row({"_id": 7, "text": "A man is eating food.", "lang": "en"}).metadata
        {'lang': 'en'}
    """
    if not isinstance(row, Mapping):
        raise InvalidDocument(f"expected an object with id and text, got {_kind(row)}")
    id, other_id = id_text(row.get("id")), id_text(row.get("_id"))
    if id in (None, "") and other_id is not None:
        id = other_id
    if id is None:
        raise InvalidDocument(f"id is missing: expected 'id' or '_id', got the fields {_names(row)}")
    text, title = _text("text", row.get("text")), _text("title", row.get("title"))
    if text is None and not title:
        raise InvalidDocument(f"text is missing: got the fields {_names(row)}")
    metadata = json_form(row.get("metadata"))
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, Mapping):
        raise InvalidDocument(f"metadata must be an object, got {_kind(metadata)}")
    others = json_form({key: value for key, value in row.items() if key not in _FIELDS})
    document = Document(
        id=id,
        text="" if text is None else text,
        title="" if title is None else title,
        metadata={**others, **metadata},
        version=json_form(row.get("version")),
    ).read_at(place)
    if other_id not in (None, id):
        omit(Omission(Kind.FIELD, place, "_id"))
    for key, value in others.items():
        if key in metadata and metadata[key] != value:
            omit(Omission(Kind.FIELD, place, str(key)))
    return document


def _text(name: str, value: Any) -> Any:
    """The text of a field; a title may be a number, such as a year."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise InvalidDocument(f"{name} isn't UTF-8: {error.reason} at byte {error.start}") from error
    form = json_form(value)
    if name == "title" and isinstance(form, bool | int | float):
        return id_text(form)
    return form


def _names(row: Mapping[Any, Any]) -> str:
    return ", ".join(sorted(map(repr, row)))[:200] or "none"


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), type(value).__name__)
