"""The JSON form of values that JSON doesn't have."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import math
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np

from postings.errors import InvalidDocument

_FIRST_INT, _LAST_INT = -(2**63), 2**63 - 1
_DEEPEST = 40
"""Deeper levels aren't converted: a document's metadata may have 32."""


def json_form(value: Any, depth: int = 0) -> Any:
    """Convert a value to its JSON form, at any depth of lists and objects.

    ========================== ==========================================================
    value                      JSON
    ========================== ==========================================================
    NaN, NaT, NA               null
    infinity                   the text ``Infinity`` or ``-Infinity``
    integer beyond 64 bits     its digits as text
    decimal                    the nearest 64-bit number
    date, time, timestamp      text in ISO 8601, as Qdrant's filters expect it
    duration                   its seconds, a number
    UUID                       its text
    bytes                      text if they are UTF-8, otherwise Base64
    map                        an object; keys become their text
    list, tuple, set, array    a list
    NumPy scalar               as the Python value
    ========================== ==========================================================

    Anything else stays as it is; :class:`postings.Document` reports what it can't hold.

    Example:
        >>> json_form({"price": decimal.Decimal("1.50"), "runs": [datetime.timedelta(seconds=90), float("nan")]})
        {'price': 1.5, 'runs': [90.0, None]}
    """
    if value is None or type(value) is str or type(value) is bool or depth > _DEEPEST:
        return value
    if isinstance(value, np.generic | np.ndarray):
        return json_form(_from_numpy(value), depth)
    match value:
        case str() | bool():
            return value
        case int():
            return int(value) if _FIRST_INT <= value <= _LAST_INT else _digits(value)
        case float():
            return _finite(float(value))
        case decimal.Decimal():
            return _number(value)
        case datetime.date() | datetime.time():
            return value.isoformat() if value == value else None
        case datetime.timedelta():
            return value.total_seconds()
        case uuid.UUID():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return _text_of_bytes(bytes(value))
        case Mapping():
            return {_key(key): json_form(item, depth + 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [json_form(item, depth + 1) for item in value]
        case _:
            return None if type(value).__name__ in ("NAType", "NaTType") else value


def id_text(value: Any) -> Any:
    """The text of an id of any scalar type; ``None`` for null.

    Raises:
        InvalidDocument: it is a list or an object.

    Example:
        >>> id_text(7), id_text(True), id_text(decimal.Decimal("1.50"))
        ('7', 'true', '1.50')
    """
    if isinstance(value, decimal.Decimal) and value.is_finite():
        return format(value, "f")
    form = json_form(value)
    if isinstance(form, Mapping | list):
        raise InvalidDocument(f"id must be a string or another scalar, got {type(value).__name__}")
    return json.dumps(form) if isinstance(form, bool | int | float) else form


def _from_numpy(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.timedelta64):
        return None if np.isnat(value) else float(value / np.timedelta64(1, "s"))
    if isinstance(value, np.ndarray):
        return list(value) if value.ndim else value[()]
    return value.item()


def _finite(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else f"{'-' * (value < 0)}Infinity"


def _number(value: decimal.Decimal) -> float | int | str | None:
    if not value.is_finite():
        return _finite(float("nan") if value.is_nan() else float(value))
    if value == value.to_integral_value() and value.as_tuple().exponent == 0:
        return json_form(int(value))  # type: ignore[no-any-return]
    number = float(value)
    return number if math.isfinite(number) else str(value)


def _digits(value: int) -> str:
    # str() refuses integers of more than 4,300 digits.
    return str(decimal.Decimal(value))


def _text_of_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _key(key: Any) -> Any:
    if isinstance(key, str):
        return key
    text = id_text(key)
    return "null" if text is None else text
