"""From a record (a JSON object, a CSV row, a Parquet row) to a document."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from postings import Document
from postings.errors import InvalidDocument
from postings.indexed_documents import VECTORS
from postings_ingest.readers.forms import id_text, json_form
from postings_ingest.readers.omissions import Omission, OmissionKind, Omit, ignore


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of the fields that hold a record's id, text and title.

    Attributes:
        id: the name of the id; by default ``id`` or ``_id``.
        text: the name of the text; by default ``text``.
        title: the name of the title; by default ``title``.
    """

    id: str | None = None
    text: str | None = None
    title: str | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of the id; the first one is preferred."""
        return (self.id,) if self.id is not None else ("id", "_id")

    @property
    def texts(self) -> tuple[str, str]:
        """The names of text and title."""
        return "text" if self.text is None else self.text, "title" if self.title is None else self.title

    @property
    def names(self) -> set[str]:
        """All fields that aren't metadata."""
        return {*self.ids, *self.texts, "metadata", "version", VECTORS}

    def missing(self, columns: Collection[str]) -> bool:
        """Whether a table lacks a column that is needed or was named."""
        text, title = self.texts
        wanted = {text} if self.title is None else {text, title}
        return not set(self.ids) & set(columns) or not wanted <= set(columns)


def document_from_record(record: object, place: str = "", omit: Omit = ignore, fields: Fields = Fields()) -> Document:
    """Build a document from a record.

    Its fields are ``id`` (or BEIR's ``_id``), ``text``, ``title``, ``metadata`` and ``version``; all other fields
    become metadata, but the vectors in an export are left out. An id or title of any scalar type becomes text. Values
    that JSON doesn't have are converted by :func:`~postings_ingest.readers.forms.json_form`.

    Args:
        record: the record.
        place: where it was read; becomes the document's ``source``.
        omit: called with each field that is left out: an ``_id`` if there is an ``id``, and a field that ``metadata``
            has, too. It isn't called if both are equal.
        fields: the names of id, text and title.

    Raises:
        InvalidDocument: a field is missing or of the wrong type.

    Example:
        >>> document_from_record({"_id": 7, "text": "A man is eating food.", "lang": "en"}).metadata
        {'lang': 'en'}
    """
    if not isinstance(record, Mapping):
        raise InvalidDocument(f"expected an object with id and text, got {_kind(record)}")
    given = {name: id for name in fields.ids if (id := id_text(record.get(name))) is not None}
    id = next(filter(None, given.values()), next(iter(given.values()), None))
    if id is None:
        expected = " or ".join(map(repr, fields.ids))
        if null := [name for name in fields.ids if name in record]:
            raise InvalidDocument(f"{null[0]} is null: expected a string or a number")
        raise InvalidDocument(f"id is missing: expected {expected}, got the fields {_names(record)}")
    text_field, title_field = fields.texts
    text, title = _text("text", record.get(text_field)), _text("title", record.get(title_field))
    if text is None and not title:
        if text_field in record:
            raise InvalidDocument(f"{text_field} is null: expected a string")
        expected = "" if fields.text is None else f"expected {fields.text!r}, "
        raise InvalidDocument(f"text is missing: {expected}got the fields {_names(record)}")
    metadata = json_form(record.get("metadata"))
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, Mapping):
        raise InvalidDocument(f"metadata must be an object, got {_kind(metadata)}")
    known = fields.names
    others = json_form({key: value for key, value in record.items() if key not in known})
    document = Document(
        id=id,
        text="" if text is None else text,
        title="" if title is None else title,
        metadata={**others, **metadata},
        version=_version(record.get("version")),
    ).read_at(place)
    for name, other in given.items():
        if other not in ("", id):
            omit(Omission(OmissionKind.FIELD, place, name))
    for key, value in others.items():
        if key in metadata and metadata[key] != value:
            omit(Omission(OmissionKind.FIELD, place, str(key)))
    return document


def _version(value: Any) -> Any:
    """The version; if one is missing somewhere, a table may hold all of them as floats."""
    form = json_form(value)
    return int(form) if isinstance(form, float) and form.is_integer() else form


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


def _names(record: Mapping[Any, Any]) -> str:
    return ", ".join(sorted(map(repr, record)))[:200] or "none"


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), type(value).__name__)
