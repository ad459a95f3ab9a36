"""Rejections: records that a reader couldn't use, kept so that they can be corrected and read again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from postings.unprintable import escape_surrogates
from postings_ingest.readers.forms import json_form
from postings_ingest.readers.records import Fields

LONGEST_RECORD = 8 * 2**20
"""The longest record in bytes; a rejection keeps only the first 1,000 characters of a longer one."""

_PLACE = {"file", "line", "reason"}


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was rejected.

    Attributes:
        file: the source as the caller named it, ``-`` for standard input.
        line: the line of the file, from 1; for Parquet, the row; 0 if the whole file was rejected.
        reason: why it was rejected.
        raw: the record's text; if it is longer than 8 MiB, the first 1,000 characters.
        record: its fields by name, in their JSON form; ``None`` if it has no fields, or JSON can't hold them.
        fields: the fields that the caller named for id, text and title.
    """

    file: str
    line: int
    reason: str
    raw: str
    record: Mapping[str, Any] | None = None
    fields: Fields = Fields()  # noqa: RUF009 - frozen

    @classmethod
    def of(
        cls, file: str, line: int, reason: object, raw: object, record: object = None, fields: Fields = Fields()
    ) -> Rejection:
        """Reject a record of any type; its text is made safe to encode."""
        text = raw.decode(errors="backslashreplace") if isinstance(raw, bytes) else str(raw)
        text = text if len(text) <= LONGEST_RECORD else text[:1000]
        return cls(
            escape_surrogates(file),
            line,
            escape_surrogates(str(reason)),
            escape_surrogates(text),
            _storable(record),
            fields,
        )

    def to_json(self) -> dict[str, Any]:
        """One line of a ``--rejects`` file; it has ``raw`` only if there is no ``record``."""
        kept: dict[str, Any] = {"raw": self.raw} if self.record is None else {"record": self.record}
        named = {name: field for name, field in asdict(self.fields).items() if field is not None}
        return {
            "file": self.file,
            "line": self.line,
            "reason": self.reason,
            **({"fields": named} if named else {}),
            **kept,
        }


Reject: TypeAlias = Callable[[Rejection], None]
"""A function that a reader calls with each record that it rejects."""


def is_rejection(row: object) -> bool:
    """Whether a row is a line of a ``--rejects`` file; such a row can't be a document.

    Example:
        >>> is_rejection({"file": "a.jsonl", "line": 1, "reason": "id is missing: …", "record": {"text": "x"}})
        True
    """
    return isinstance(row, Mapping) and row.keys() - {"fields"} in (_PLACE | {"record"}, _PLACE | {"raw"})


def fields_of(row: Mapping[str, Any], otherwise: Fields) -> Fields:
    """The fields for id, text and title that a line of a ``--rejects`` file names; by default ``otherwise``."""
    named = row.get("fields")
    if not isinstance(named, Mapping):
        return otherwise
    return Fields(**{name: str(field) for name, field in named.items() if name in ("id", "text", "title")})


def _storable(record: object) -> Mapping[str, Any] | None:
    if not isinstance(record, Mapping):
        return None
    try:
        form: Mapping[str, Any] = json_form(record)
        json.dumps(form, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        return None
    return form
