"""What a reader leaves out although nothing is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Kind(StrEnum):
    """Why something was left out."""

    OTHER_FILE = "other file"
    """A file of a kind that isn't read from a folder; the detail is its suffix."""
    HIDDEN = "hidden"
    """A file or a folder whose name begins with a dot; the detail is ``file`` or ``folder``."""
    LINK = "link"
    """A link that isn't followed; the detail says why."""
    FRONT_MATTER = "front matter"
    """Front matter of a text that can't be read, so that it stays in the text; the detail says why."""
    FIELD = "field"
    """A field of a record beside another of its name, or an ``_id`` beside an ``id``; the detail is its name."""


@dataclass(frozen=True, slots=True)
class Omission:
    """Something that was left out.

    Attributes:
        kind: why.
        place: the file, or file and line of the record.
        detail: as the kind says.
    """

    kind: Kind
    place: str
    detail: str


Omit: TypeAlias = Callable[[Omission], None]
"""What a reader calls with each thing that it leaves out."""


def ignore(_: object) -> None:
    """Say nothing."""
