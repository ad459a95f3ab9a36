"""Operations as JSON, the payload of batches and dead letters.

A payload is ``{"format": 1, "operations": [{"upsert": {"id", "text", "title", "metadata", "version"}},
{"delete": {"id", "version"}}, …]}``. Where tenants share a collection, a delete has a ``tenant`` too. Anything else is
refused, because a payload may have been made by hand.
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
    """An operation that can't be read, and the reason."""

    raw: Any
    reason: str


def to_json(operation: Operation) -> dict[str, Any]:
    """The JSON form of an operation.

    Example:
        >>> to_json(Deletion("intro", version=7))
        {'delete': {'id': 'intro', 'version': 7}}
    """
    if isinstance(operation, Deletion):
        tenant = {} if operation.tenant is None else {"tenant": operation.tenant}
        return {"delete": {"id": operation.id, "version": operation.version, **tenant}}
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
        InvalidDocument: a field breaks a rule of :class:`postings.Document`.
    """
    match raw:
        case {"upsert": {"id": _, "text": _, **rest} as fields} if len(raw) == 1 and not rest.keys() - _FIELDS:
            return Document(**fields)
        case {"delete": {"id": _, **rest} as fields} if len(raw) == 1 and not rest.keys() - {"version", "tenant"}:
            return Deletion(**fields)
    raise InvalidMessage(f"expected {{'upsert': …}} or {{'delete': …}} with the fields of a document, got {raw!r:.200}")


def dump(operation: dict[str, Any]) -> str:
    """The text of one operation in a payload; ``operation`` is the result of :func:`to_json`."""
    dumped = json.dumps(operation, ensure_ascii=False, separators=(",", ":"))
    try:
        dumped.encode()
    except UnicodeEncodeError:  # half a surrogate pair, in an operation made by hand
        return json.dumps(operation, separators=(",", ":"))
    return dumped


def pack(dumped: Sequence[str]) -> str:
    """The payload of some operations; each is the result of :func:`dump`."""
    return f'{{"format":{FORMAT},"operations":[{",".join(dumped)}]}}'


def unpack(payload: str) -> list[Operation | Unreadable]:
    """Read a payload. An operation that can't be read doesn't affect the others.

    Raises:
        NewerFormat: a newer version of Postings wrote it.
        InvalidMessage: it isn't a payload, or has an unknown format.
    """
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(f"the payload isn't JSON: {error}") from error
    match content:
        case {"format": 1, "operations": list(operations)}:
            return [_read(raw) for raw in operations]
        case {"format": int(newer)} if newer > FORMAT and not isinstance(newer, bool):
            raise NewerFormat(f"the payload has format {newer}, expected {FORMAT}: update this worker")
        case {"format": other} if other != FORMAT:
            raise InvalidMessage(f"the payload has format {other!r:.100}, expected {FORMAT}")
    raise InvalidMessage(f"expected a payload with 'format' and 'operations', got {payload:.200}")


def _read(raw: Any) -> Operation | Unreadable:
    try:
        return from_json(raw)
    except (InvalidMessage, InvalidDocument, TypeError) as error:
        return Unreadable(raw, str(error))
