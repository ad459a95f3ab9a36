"""A judgement: how well a document answers a query, as somebody sees it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from postings.arguments import as_integer, check_unicode
from postings.clock import arrival_version
from postings.documents import check_id
from postings.errors import InvalidInput
from postings_query.terms import check_query

GRADES = range(4)
"""From 0, which is wrong, over 1, which is right, to 3, a perfect answer."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How well a document answers a query.

    Attributes:
        query: the query's text.
        id: of the document.
        grade: 0 if the document doesn't answer it, 1 to 3 if it does; ``None`` takes an earlier judgement back.
        by: who says so: the name of an API key, or an address.
        at: when, in ms since the epoch.

    Raises:
        InvalidInput: the query is empty, no document has such an id, or there is no such grade.

    Example:
        >>> Judgement("chasing prey", "cheetah", 1, "ann").grade
        1
    """

    query: str
    id: str
    grade: int | None
    by: str
    at: int = field(default_factory=arrival_version)

    def __post_init__(self) -> None:
        check_query(self.query)
        check_id(self.id)
        check_unicode("by", self.by, InvalidInput)
        if self.grade is not None and as_integer("grade", self.grade, InvalidInput) not in GRADES:
            raise InvalidInput(
                f"document {self.id!r} has the grade {self.grade} for {self.query!r:.100}: "
                f"expected {GRADES[0]} to {GRADES[-1]}"
            )

    def to_json(self) -> dict[str, Any]:
        """The judgement as a JSON object."""
        return asdict(self)
