"""Records that a reader couldn't use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from postings.unseen import encodable

_LONGEST_RAW = 1000


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was left out: where it stands, why, and its beginning.

    Attributes:
        file: the source as it was named, ``-`` for standard input.
        line: line of the file, from 1; the row for Parquet; 0 where the whole file was rejected.
        reason: what came and what was expected.
        raw: up to 1,000 characters of the record.
    """

    file: str
    line: int
    reason: str
    raw: str

    @classmethod
    def of(cls, file: str, line: int, reason: object, raw: object) -> Rejection:
        """Reject a record, whatever it is; all is made safe to encode, and its text cut to 1,000 characters."""
        text = raw.decode(errors="backslashreplace") if isinstance(raw, bytes) else str(raw)
        return cls(encodable(file), line, encodable(str(reason)), encodable(text[:_LONGEST_RAW])[:_LONGEST_RAW])

    def to_json(self) -> dict[str, Any]:
        """One line of a ``--rejects`` file."""
        return {"file": self.file, "line": self.line, "reason": self.reason, "raw": self.raw}


Reject: TypeAlias = Callable[[Rejection], None]
"""What a reader calls with each record that it leaves out."""
