"""Operations as JSON, the only thing that travels.

A payload is ``{"format": 1, "operations": [{"upsert": {"id", "text", "title", "metadata", "version"}},
{"delete": {"id", "version"}}, …]}``. Its reader refuses whatever else comes, for it may have been made by hand.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from postings import Document
from postings.errors import InvalidDocument, InvalidMessage, NewerFormat
from postings_ingest.operations import Deletion, Operation

FORMAT = 1
_FIELDS = {"id", "text", "title", "metadata", "version"}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An operation that can't be read, and why."""

    raw: Any
    reason: str


def to_json(operation: Operation) -> dict[str, Any]:
    """An operation as it travels.

    Example:
        >>> to_json(Deletion("intro", version=7))
        {'delete': {'id': 'intro', 'version': 7}}
    """
    if isinstance(operation, Deletion):
        return {"delete": {"id": operation.id, "version": operation.version}}
    return {
        "upsert": {
            "id": operation.id,
            "text": operation.text,
            "title": operation.title,
            "metadata": operation.metadata,
            "version": operation.version,
        }
    }


def from_json(raw: Any) -> Operation:
    """Read one operation.

    Raises:
        InvalidMessage: it is neither an upsert nor a delete.
        InvalidDocument: a field breaks a rule of documents.
    """
    match raw:
        case {"upsert": {"id": _, "text": _, **rest} as fields} if len(raw) == 1 and not rest.keys() - _FIELDS:
            return Document(**fields)
        case {"delete": {"id": _, **rest} as fields} if len(raw) == 1 and not rest.keys() - {"version"}:
            return Deletion(**fields)
    raise InvalidMessage(f"expected {{'upsert': …}} or {{'delete': …}} with the fields of a document, got {raw!r:.200}")


def dump(operation: dict[str, Any]) -> str:
    """One operation, as :func:`to_json` gives it, as it stands in a payload."""
    dumped = json.dumps(operation, ensure_ascii=False, separators=(",", ":"))
    try:
        dumped.encode()
    except UnicodeEncodeError:  # half a surrogate pair, in what was made by hand
        return json.dumps(operation, separators=(",", ":"))
    return dumped


def pack(dumped: Sequence[str]) -> str:
    """The payload of operations, each as :func:`dump` gives it."""
    return f'{{"format":{FORMAT},"operations":[{",".join(dumped)}]}}'


def unpack(payload: str) -> list[Operation | Unreadable]:
    """Read a payload; an operation that can't be read doesn't spoil the others.

    Raises:
        NewerFormat: a newer version wrote it.
        InvalidMessage: it is no payload, or one of another format.
    """
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(f"the payload isn't JSON: {error}") from error
    match content:
        case {"format": 1, "operations": list(operations)}:
            return [_read(raw) for raw in operations]
        case {"format": int(newer)} if newer > FORMAT and not isinstance(newer, bool):
            raise NewerFormat(f"the payload has the format {newer}, expected {FORMAT}: update this worker")
        case {"format": other} if other != FORMAT:
            raise InvalidMessage(f"the payload has the format {other!r:.100}, expected {FORMAT}")
    raise InvalidMessage(f"expected a payload with 'format' and 'operations', got {payload:.200}")


def _read(raw: Any) -> Operation | Unreadable:
    try:
        return from_json(raw)
    except (InvalidMessage, InvalidDocument, TypeError) as error:
        return Unreadable(raw, str(error))
