"""Arguments that hold several values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from postings.errors import InvalidInput

T = TypeVar("T")


def as_list(name: str, values: Iterable[T], kind: type[T], error: type[InvalidInput]) -> list[T]:
    """Read an argument that holds several values, once: a generator can't be read twice.

    Args:
        name: the argument's, for the message.
        values: what came. A string is refused although it can be iterated: it holds no strings but its characters.
        kind: what each value must be.
        error: what to raise where ``values`` can't be iterated, or a value is of another kind.

    Example:
        >>> as_list("ids", (id for id in ("a", "b")), str, InvalidInput)
        ['a', 'b']
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise error(f"{name} must hold several values of type {kind.__name__}, got one {type(values).__name__}")
    read = list(values)
    for at, value in enumerate(read):
        if not isinstance(value, kind):
            raise error(f"{name} must hold values of type {kind.__name__}, got {type(value).__name__} at {at}")
    return read
