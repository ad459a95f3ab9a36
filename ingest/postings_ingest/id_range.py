"""A part of a collection's points: those whose ids are in a range.

Ids are UUIDs made by a hash, so equal ranges hold about equally many points. Unlike Qdrant's slice condition, a range
works on every supported server, and work on it can stop anywhere and go on from there.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from typing import Any, Self

from postings.errors import InvalidMessage

_END = 2**128


@dataclass(frozen=True, slots=True)
class IdRange:
    """The ids from ``start`` up to ``end``, which isn't included; both are UUIDs as integers.

    Example:
        >>> [half.first for half in IdRange().split(2)]
        ['00000000-0000-0000-0000-000000000000', '80000000-0000-0000-0000-000000000000']
    """

    start: int = 0
    end: int = _END

    @property
    def first(self) -> str:
        """The first id."""
        return str(uuid.UUID(int=self.start))

    def __contains__(self, id: str) -> bool:
        return self.start <= uuid.UUID(id).int < self.end

    def after(self, id: str) -> Self:
        """The rest of the range, from this id on."""
        return type(self)(uuid.UUID(id).int, self.end)

    def beyond(self, id: str) -> Self:
        """The rest of the range, without this id and those before it."""
        return type(self)(uuid.UUID(id).int + 1, self.end)

    def split(self, parts: int) -> list[Self]:
        """Split the range into parts of equal size; as many as there are ids, if these are fewer."""
        size = self.end - self.start
        cuts = [self.start + size * part // parts for part in range(parts + 1)]
        return [type(self)(start, end) for start, end in itertools.pairwise(cuts) if start < end]

    def to_json(self) -> dict[str, str]:
        """Convert to JSON; :meth:`from_json` reads it back."""
        return {"start": f"{self.start:x}", "end": f"{self.end:x}"}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidMessage: it is something else.
        """
        try:
            found = cls(int(data["start"], 16), int(data["end"], 16))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidMessage(f"expected a range of ids with start and end, got {data!r:.200}") from error
        if not 0 <= found.start <= found.end <= _END:
            raise InvalidMessage(f"expected a range of ids from start to end, got {data!r:.200}")
        return found
