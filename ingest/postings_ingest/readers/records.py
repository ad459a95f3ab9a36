"""From a row (a JSON object, a CSV line, a Parquet row) to a document."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from postings import Document
from postings.errors import InvalidDocument
from postings_ingest.readers.forms import id_text, json_form
from postings_ingest.readers.omissions import Kind, Omission, Omit, ignore


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of the fields that hold a record's id, text and title, where they aren't the usual ones.

    Attributes:
        id: instead of ``id`` or ``_id``.
        text: instead of ``text``.
        title: instead of ``title``.
    """

    id: str | None = None
    text: str | None = None
    title: str | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The names that an id may have, the first before the second."""
        return (self.id,) if self.id is not None else ("id", "_id")

    @property
    def texts(self) -> tuple[str, str]:
        """The names of text and title."""
        return "text" if self.text is None else self.text, "title" if self.title is None else self.title

    @property
    def names(self) -> set[str]:
        """All names that aren't metadata."""
        return {*self.ids, *self.texts, "metadata", "version"}

    def missing(self, columns: Collection[str]) -> bool:
        """Whether a table lacks one that it needs, or that was named."""
        text, title = self.texts
        wanted = {text} if self.title is None else {text, title}
        return not set(self.ids) & set(columns) or not wanted <= set(columns)


def document_from_record(row: object, place: str = "", omit: Omit = ignore, fields: Fields = Fields()) -> Document:
    """Build a document from a row.

    Its fields are ``id`` (or BEIR's ``_id``), ``text``, ``title``, ``metadata`` and ``version``; every other field
    goes into the metadata. An id of any scalar type becomes its text, and so does a title; what JSON lacks gets the
    form that :func:`~postings_ingest.readers.forms.json_form` says.

    Args:
        row: what was read.
        place: where, as the document's ``source``.
        omit: called with each field that gives way to another: an ``_id`` beside an ``id``, and a field beside one of
            its name in ``metadata``. Equal ones aren't told.
        fields: the names of id, text and title.

    Raises:
        InvalidDocument: a field is missing or of the wrong type.

    Example:
        >>> document_from_record({"_id": 7, "text": "A man is eating food.", "lang": "en"}).metadata
        {'lang': 'en'}
    """
    if not isinstance(row, Mapping):
        raise InvalidDocument(f"expected an object with id and text, got {_kind(row)}")
    given = {name: id for name in fields.ids if (id := id_text(row.get(name))) is not None}
    id = next(filter(None, given.values()), next(iter(given.values()), None))
    if id is None:
        expected = " or ".join(map(repr, fields.ids))
        wrong = "null" if any(name in row for name in fields.ids) else "missing"
        raise InvalidDocument(f"id is {wrong}: expected {expected}, got the fields {_names(row)}")
    text_field, title_field = fields.texts
    text, title = _text("text", row.get(text_field)), _text("title", row.get(title_field))
    if text is None and not title:
        expected = "" if fields.text is None else f"expected {fields.text!r}, "
        raise InvalidDocument(f"text is missing: {expected}got the fields {_names(row)}")
    metadata = json_form(row.get("metadata"))
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, Mapping):
        raise InvalidDocument(f"metadata must be an object, got {_kind(metadata)}")
    known = fields.names
    others = json_form({key: value for key, value in row.items() if key not in known})
    document = Document(
        id=id,
        text="" if text is None else text,
        title="" if title is None else title,
        metadata={**others, **metadata},
        version=_version(row.get("version")),
    ).read_at(place)
    for name, other in given.items():
        if other not in ("", id):
            omit(Omission(Kind.FIELD, place, name))
    for key, value in others.items():
        if key in metadata and metadata[key] != value:
            omit(Omission(Kind.FIELD, place, str(key)))
    return document


def _version(value: Any) -> Any:
    """A version; a table whose column lacks one somewhere may hold whole numbers as floats."""
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


def _names(row: Mapping[Any, Any]) -> str:
    return ", ".join(sorted(map(repr, row)))[:200] or "none"


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), type(value).__name__)
