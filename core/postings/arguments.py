"""Checks of arguments: without them, many wrong types would only fail later."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TypeVar

from postings.errors import PostingsError

T = TypeVar("T")


def as_list(name: str, values: Iterable[T], kind: type[T], error: type[PostingsError]) -> list[T]:
    """Read the values of an argument into a list, and check their type.

    Args:
        name: of the argument, for the message.
        values: any iterable but a string, whose values are read only once.
        kind: the type of each value.
        error: raised if ``values`` can't be iterated, or a value is of another type.

    Example:
        >>> as_list("ids", (id for id in ("a", "b")), str, PostingsError)
        ['a', 'b']
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise error(f"{name} must hold several values of type {kind.__name__}, got one {type(values).__name__}")
    read = list(values)
    for position, value in enumerate(read):
        if not isinstance(value, kind):
            raise error(f"{name} must hold values of type {kind.__name__}, got {type(value).__name__} at {position}")
    return read


def check_callback(name: str, value: object, error: type[PostingsError]) -> None:
    """Check that a value is callable or ``None``; otherwise the error would come only after work has been done."""
    if value is not None and not callable(value):
        raise error(f"expected a function for {name}, got {value!r:.100} ({type(value).__name__})")


def check_unicode(name: str, text: str, error: type[PostingsError]) -> None:
    """Check that a text is valid Unicode: it can't be encoded, stored or sent otherwise."""
    try:
        text.encode()
    except UnicodeEncodeError as cause:
        raise error(
            f"{name} isn't valid Unicode: a lone surrogate {text[cause.start]!a} at character {cause.start}"
        ) from cause


def no_check() -> None:
    """Do nothing: the default of callbacks that may end the work by raising an error."""


def as_integer(name: str, value: object, error: type[PostingsError]) -> int:
    """Check that a value is an integer of Python or numpy, and return it; ``True`` and ``10.0`` aren't."""
    if type(value) is int:  # the usual case; the check for Integral takes a microsecond
        return value
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise error(f"expected an integer for {name}, got {value!r:.100} ({type(value).__name__})")
    return int(value)


def as_number(name: str, value: object, error: type[PostingsError]) -> float:
    """Check that a value is a real number of Python or numpy, and return it; it may be infinite, but not NaN."""
    if type(value) is float and not math.isnan(value):  # the usual case; the check for Real takes a microsecond
        return value
    if not isinstance(value, bool) and isinstance(value, Real):
        try:
            number = float(value)
        except OverflowError:
            return math.inf if int(math.floor(value)) > 0 else -math.inf  # noqa: RUF046 # mypy can't compare the result of floor
        if not math.isnan(number):
            return number
    raise error(f"expected a number for {name}, got {value!r:.100} ({type(value).__name__})")
