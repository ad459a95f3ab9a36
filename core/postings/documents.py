"""Documents, which users ingest, and passages, which an index stores."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

from postings.arguments import check_unicode
from postings.errors import InvalidDocument

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

Span: TypeAlias = tuple[int, int]
"""The characters of a text from ``start`` up to ``end``, which isn't included."""

MAX_ID_LENGTH = 512
"""Characters that a document id may have."""

MAX_TEXT_LENGTH = 4_000_000
"""Characters that a document's text may have, somewhat more than *War and Peace*."""

MAX_VERSION = 2**53 - 1
"""The largest version. Qdrant compares numbers as float64, which is exact up to here."""

_LARGEST_INT = 2**63 - 1
_POINT_NAMESPACE = uuid.UUID("8c4f5f0e-6d0b-5b52-9a55-0d6f1a0f7a11")


class _WithSource:
    """The source of a document. It isn't a field, so it is neither compared, nor stored, nor sent."""

    __slots__ = ("_source",)


@dataclass(frozen=True, slots=True)
class Document(_WithSource):
    """A text to search, with its title and metadata.

    Args:
        id: the document's name at its source, 1 to 512 characters. Ingesting the same id again replaces the document.
        text: encoded and shown, up to 4 million characters. Long texts are split into several passages.
        title: shown, and encoded in front of every passage.
        metadata: JSON values under string keys; filter on them as ``metadata.<key>``.
        version: a number that grows with each revision at the source, for example milliseconds since the epoch. An
            older version never replaces a newer one. By default, the time of arrival in milliseconds.

    Raises:
        InvalidDocument: a field breaks one of these rules; the message names the field and its value.

    Example:
        >>> Document("intro", "A man is eating food.", metadata={"lang": "en"}).title
        ''
    """

    id: str
    text: str
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    version: int | None = None

    def __post_init__(self) -> None:
        check_id(self.id)
        _check_string("text", self.text, MAX_TEXT_LENGTH)
        _check_string("title", self.title, MAX_TEXT_LENGTH)
        if not self.text.strip() and not self.title.strip():
            raise InvalidDocument(f"document {self.id!r} has no text: text and title are empty")
        if not isinstance(self.metadata, Mapping):
            raise InvalidDocument(f"metadata must be an object, got {type(self.metadata).__name__}")
        object.__setattr__(self, "metadata", _json_copy(dict(self.metadata), "metadata"))
        if self.version is not None:
            check_version(self.version)

    @property
    def source(self) -> str | None:
        """Where the document was read, such as ``notes.jsonl:7``, for messages; ``None`` if unknown."""
        return getattr(self, "_source", None)

    def read_at(self, source: str) -> Self:
        """Set :attr:`source`, and return the document.

        Example:
            >>> Document("intro", "A man is eating food.").read_at("notes.jsonl:7").source
            'notes.jsonl:7'
        """
        object.__setattr__(self, "_source", source)
        return self


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of a document: the unit that is encoded, stored and found.

    ``text`` is ``document.text[start:end]``. Passage 0 always exists and is the document's *head*: it represents the
    document in counts, and ``passages`` is the number of the document's passages.

    No passage holds the white space between two passages: ``before`` is what comes between the passage before, or the
    beginning of the text, and this one, and ``after`` is what comes after the last passage.
    """

    doc_id: str
    ordinal: int
    start: int
    end: int
    text: str
    title: str
    metadata: Mapping[str, Any] = field(hash=False)
    version: int
    passages: int
    before: str = ""
    after: str = ""

    @property
    def id(self) -> str:
        """The point id, see :func:`point_id`."""
        return point_id(self.doc_id, self.ordinal)


def point_id(doc_id: str, ordinal: int) -> str:
    """The id that a passage is stored under: the UUIDv5 of document id and ordinal, so a repeated write overwrites it.

    Example:
        >>> point_id("intro", 0) == point_id("intro", 0) != point_id("intro", 1)
        True
    """
    return str(uuid.uuid5(_POINT_NAMESPACE, f"{ordinal}:{doc_id}"))


def check_id(doc_id: object) -> None:
    """Raise :class:`InvalidDocument` unless ``doc_id`` is a valid document id."""
    _check_string("id", doc_id, MAX_ID_LENGTH)
    if not doc_id:
        raise InvalidDocument("id is empty: every document needs an id of at least one character")


def check_version(version: object) -> None:
    """Raise :class:`InvalidDocument` unless ``version`` is an integer in ``0..2**53 - 1``."""
    if isinstance(version, bool) or not isinstance(version, int):
        raise InvalidDocument(f"version must be an integer, got {version!r:.100} ({type(version).__name__})")
    if not 0 <= version <= MAX_VERSION:
        raise InvalidDocument(f"version must be in 0..{MAX_VERSION} (2**53 - 1), got {_shown(version)}")


def _check_string(name: str, value: object, longest: int) -> None:
    if not isinstance(value, str):
        raise InvalidDocument(f"{name} must be a string, got {type(value).__name__}")
    if len(value) > longest:
        raise InvalidDocument(f"{name} may have at most {longest:,} characters, got {len(value):,}")
    check_unicode(name, value, InvalidDocument)


def _json_copy(value: Any, path: str, depth: int = 0) -> JsonValue:
    if depth > 32:
        raise InvalidDocument(f"metadata is nested more than 32 levels deep at {path[:80]}…")
    match value:
        case None | bool():
            return value
        case int():
            if not -_LARGEST_INT - 1 <= value <= _LARGEST_INT:
                raise InvalidDocument(f"{path} must fit in 64 bits, got {_shown(value)}")
            return int(value)
        case float():
            if not math.isfinite(value):
                raise InvalidDocument(f"{path} must be finite, got {value}: JSON has no NaN or infinity")
            return float(value)
        case str():
            _check_string(path, value, MAX_TEXT_LENGTH)
            return value
        case Mapping():
            return {_key(key, path): _json_copy(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_json_copy(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
        case _:
            raise InvalidDocument(f"{path} must be a JSON value, got {type(value).__name__}")


def _shown(number: int) -> str:
    # Python refuses to convert integers of more than 4,300 digits to text.
    return str(number) if number.bit_length() <= 128 else f"an integer of {number.bit_length():,} bits"


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise InvalidDocument(f"the keys of {path} must be strings, got {key!r:.100} ({type(key).__name__})")
    _check_string(f"a key of {path}", key, MAX_ID_LENGTH)
    return key
