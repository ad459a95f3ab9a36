"""Omissions: valid things that a reader leaves out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class OmissionKind(StrEnum):
    """Why something was left out."""

    OTHER_FILE = "other file"
    """A file that isn't text, Markdown or HTML; the detail is its suffix."""
    HIDDEN = "hidden"
    """A file or a folder whose name begins with a dot; the detail is ``file`` or ``folder``."""
    LINK = "link"
    """A link that isn't followed; the detail says why."""
    FRONT_MATTER = "front matter"
    """Front matter that can't be read, so that it stays in the text; the detail says why."""
    FIELD = "field"
    """A field of a record that has another field of this name, or an ``_id`` and an ``id``; the detail is its name."""


@dataclass(frozen=True, slots=True)
class Omission:
    """Something that was left out.

    Attributes:
        kind: why it was left out.
        place: the file, or the file and line of the record.
        detail: more about it, see :class:`OmissionKind`.
    """

    kind: OmissionKind
    place: str
    detail: str


Omit: TypeAlias = Callable[[Omission], None]
"""A function that a reader calls with everything that it leaves out."""


def ignore(_: object) -> None:
    """Do nothing."""
