"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""A table, whose cells may hold bars and line ends.

    Example:
        >>> print(table(["name", "type"], [["limit", "int | None"]]))
        | name | type |
        |---|---|
        | limit | int \| None |
    """
    lines = [f"| {' | '.join(map(cell, row))} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines])


def cell(text: str) -> str:
    """A text for one cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """A text in code letters; nothing for no text."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}" if text else ""


def prose(text: str) -> str:
    """A text that isn't Markdown's own: what stands in angle brackets isn't a tag.

    Example:
        >>> prose("a filter on metadata.<key>, see `<x>`")
        'a filter on metadata.&lt;key>, see `<x>`'
    """
    parts = text.split("`")
    return "`".join(part if at % 2 else part.replace("<", "&lt;") for at, part in enumerate(parts))
