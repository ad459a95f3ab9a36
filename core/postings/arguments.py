"""Checks of what is passed in: Python would take many a wrong type, and go wrong later."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TypeVar

from postings.errors import PostingsError

T = TypeVar("T")


def as_list(name: str, values: Iterable[T], kind: type[T], error: type[PostingsError]) -> list[T]:
    """Read an argument that holds several values, once: a generator can't be read twice.

    Args:
        name: the argument's, for the message.
        values: what came. A string is refused although it can be iterated: it holds no strings but its characters.
        kind: what each value must be.
        error: what to raise where ``values`` can't be iterated, or a value is of another kind.

    Example:
        >>> as_list("ids", (id for id in ("a", "b")), str, PostingsError)
        ['a', 'b']
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise error(f"{name} must hold several values of type {kind.__name__}, got one {type(values).__name__}")
    read = list(values)
    for at, value in enumerate(read):
        if not isinstance(value, kind):
            raise error(f"{name} must hold values of type {kind.__name__}, got {type(value).__name__} at {at}")
    return read


def as_integer(name: str, value: object, error: type[PostingsError]) -> int:
    """An integer of Python or numpy; ``True`` isn't one, nor is ``10.0``."""
    if type(value) is int:  # what it is nearly always, and asking for Integral takes a microsecond
        return value
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise error(f"expected an integer for {name}, got {value!r:.100} ({type(value).__name__})")
    return int(value)


def as_number(name: str, value: object, error: type[PostingsError]) -> float:
    """A real number of Python or numpy, infinite perhaps, but not NaN."""
    if not isinstance(value, bool) and isinstance(value, Real):
        try:
            number = float(value)
        except OverflowError:
            return math.inf if int(math.floor(value)) > 0 else -math.inf  # noqa: RUF046 # mypy knows no order of what floor gives
        if not math.isnan(number):
            return number
    raise error(f"expected a number for {name}, got {value!r:.100} ({type(value).__name__})")
