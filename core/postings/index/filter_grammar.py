"""The grammar of filters: what no engine can read, and where in the filter; values are for the engines to read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from postings.errors import InvalidFilter
from postings.index.protocol import Filter

Check: TypeAlias = Callable[[Any, str], None]
"""Raises if a value, at a place in the filter, isn't what it must be."""

LISTS = ("must", "should", "must_not")
BOUNDS = frozenset({"lt", "lte", "gt", "gte"})
_DEEPEST = 40
"""Levels of a filter: gRPC reads fewer than 50, of which Postings itself needs some."""
_GROUPS = frozenset({*LISTS, "min_should"})


def check_grammar(filter: Filter) -> None:
    """Check the form of a filter; ``None`` says that a clause isn't there.

    What can't be right is refused, although Qdrant reads it: a range without a bound holds for every number, and so
    would delete all documents where a client lost the bound on the way.

    Raises:
        InvalidFilter: it isn't; the message says where in the filter, what came and what was expected.

    Example:
        >>> check_grammar({"must": [{"key": "metadata.year", "range": {"gte": None}}]})
        Traceback (most recent call last):
        ...
        postings.errors.InvalidFilter: filter.must[0].range needs a bound: 'gt', 'gte', 'lt' or 'lte'
    """
    _filter(filter, "filter")


def _filter(data: Any, at: str) -> None:
    if at.count(".") > _DEEPEST:  # a place has a dot for each level
        raise InvalidFilter(f"filter is nested too deeply: expected at most {_DEEPEST} levels")
    clauses = _object(data, at, _GROUPS)
    if "min_should" in clauses:
        at_least = f"{at}.min_should"
        inner = _object(clauses["min_should"], at_least, {"conditions", "min_count"}, required=True)
        _conditions(_list(inner["conditions"], f"{at_least}.conditions"), f"{at_least}.conditions")
        if not _is_integer(inner["min_count"]) or inner["min_count"] < 1:
            raise _wrong(inner["min_count"], f"{at_least}.min_count", "an integer, at least 1")
    for name in LISTS:
        if name in clauses:
            _conditions(clauses[name], f"{at}.{name}")


def _conditions(data: Any, at: str) -> None:
    if isinstance(data, Mapping):
        _condition(data, at)
    elif isinstance(data, list):
        for number, each in enumerate(data):
            _condition(each, f"{at}[{number}]")
    else:
        raise _wrong(data, at, "a condition or a list of conditions")


def _condition(data: Any, at: str) -> None:
    if not isinstance(data, Mapping):
        raise _wrong(data, at, "an object")
    if "key" in data:
        _field(data, at)
        return
    for name, check in _WHOLE_CONDITIONS.items():
        if name in data:
            check(_object(data, at, {name}, required=True)[name], f"{at}.{name}")
            return
    if not data or not data.keys() <= _GROUPS:
        raise InvalidFilter(
            f"{at} isn't a condition: expected 'key' with one of {sorted(_FIELD_CLAUSES)}, "
            f"or one of {sorted(_WHOLE_CONDITIONS)}, or a filter, got {sorted(map(str, data))}"
        )
    _filter(data, at)


def _field(data: Mapping[str, Any], at: str) -> None:
    clauses = _object(data, at, {"key", *_FIELD_CLAUSES})
    key = clauses.pop("key", None)
    if not clauses:
        raise InvalidFilter(f"{at} names the field {key!r:.100} but no clause: add one of {sorted(_FIELD_CLAUSES)}")
    _text(key, f"{at}.key")
    for name, value in clauses.items():
        _FIELD_CLAUSES[name](value, f"{at}.{name}")


def _match(data: Any, at: str) -> None:
    clause = _object(data, at, _MATCHES.keys())
    if len(clause) != 1:
        null = "; for null, the condition is 'is_null'" if isinstance(data, Mapping) and None in data.values() else ""
        raise InvalidFilter(f"{at} must have exactly one of {sorted(_MATCHES)}, got {sorted(clause)}{null}")
    ((name, value),) = clause.items()
    _MATCHES[name](value, f"{at}.{name}")


def _match_value(value: Any, at: str) -> None:
    if isinstance(value, float):
        raise _wrong(value, at, "a string, an integer or a boolean (for other numbers, the clause is 'range')")
    if not isinstance(value, str | bool) and not _is_integer(value):
        raise _wrong(value, at, "a string, an integer of 64 bits or a boolean")


def _match_several(values: Any, at: str) -> None:
    if not isinstance(values, list) or not (
        all(isinstance(each, str) for each in values) or all(map(_is_integer, values))
    ):
        raise _wrong(values, at, "a list of strings, or of integers")


def _range(data: Any, at: str) -> None:
    bounds = _bounds(data, at)
    texts = [isinstance(bound, str) for bound in bounds.values()]
    if any(texts) and not all(texts):
        raise _wrong(bounds, at, "of numbers or of datetimes")
    for name, bound in bounds.items():
        if not isinstance(bound, str) and not _is_number(bound):
            raise _wrong(bound, f"{at}.{name}", "a finite number, or a datetime as a string")


def _values_count(data: Any, at: str) -> None:
    for name, bound in _bounds(data, at).items():
        _natural_number(bound, f"{at}.{name}")


def _bounds(data: Any, at: str) -> dict[str, Any]:
    bounds = _object(data, at, BOUNDS)
    if not bounds:
        raise InvalidFilter(f"{at} needs a bound: 'gt', 'gte', 'lt' or 'lte'")
    return bounds


def _geo_bounding_box(data: Any, at: str) -> None:
    for name, corner in _object(data, at, {"top_left", "bottom_right"}, required=True).items():
        _geo_point(corner, f"{at}.{name}")


def _geo_radius(data: Any, at: str) -> None:
    circle = _object(data, at, {"center", "radius"}, required=True)
    _geo_point(circle["center"], f"{at}.center")
    _number(circle["radius"], f"{at}.radius")


def _geo_polygon(data: Any, at: str) -> None:
    polygon = _object(data, at, {"exterior", "interiors"})
    if "exterior" not in polygon:
        raise InvalidFilter(f"{at} needs ['exterior']")
    _ring(polygon["exterior"], f"{at}.exterior")
    for number, hole in enumerate(_list(polygon.get("interiors", []), f"{at}.interiors")):
        _ring(hole, f"{at}.interiors[{number}]")


def _ring(data: Any, at: str) -> None:
    points = _list(_object(data, at, {"points"}, required=True)["points"], f"{at}.points")
    for number, point in enumerate(points):
        _geo_point(point, f"{at}.points[{number}]")


def _geo_point(data: Any, at: str) -> None:
    for name, degrees in _object(data, at, {"lon", "lat"}, required=True).items():
        _number(degrees, f"{at}.{name}")


def _nested(data: Any, at: str) -> None:
    nested = _object(data, at, {"key", "filter"}, required=True)
    _text(nested["key"], f"{at}.key")
    _filter(nested["filter"], f"{at}.filter")


def _has_id(data: Any, at: str) -> None:
    if not all(isinstance(id, str) or (type(id) is int and 0 <= id < 2**64) for id in _list(data, at)):
        raise _wrong(data, at, "a list of ids: UUIDs, or integers of 64 bits that aren't negative")


def _slice(data: Any, at: str) -> None:
    slice = _object(data, at, {"total", "index"}, required=True)
    for name, number in slice.items():
        _natural_number(number, f"{at}.{name}")
    if slice["index"] >= slice["total"]:
        raise InvalidFilter(f"{at}.index must be less than total, got {slice!r:.100}")


def _of_key(data: Any, at: str) -> None:
    _text(_object(data, at, {"key"}, required=True)["key"], f"{at}.key")


def _flag(data: Any, at: str) -> None:
    if not isinstance(data, bool):
        raise _wrong(data, at, "true or false")


def _text(data: Any, at: str) -> None:
    if not isinstance(data, str):
        raise _wrong(data, at, "a string")


def _number(data: Any, at: str) -> None:
    if not _is_number(data):
        raise _wrong(data, at, "a finite number")


def _natural_number(data: Any, at: str) -> None:
    if not _is_integer(data) or data < 0:
        raise _wrong(data, at, "an integer that isn't negative")


def _list(data: Any, at: str) -> list[Any]:
    if not isinstance(data, list):
        raise _wrong(data, at, "a list")
    return data


def _object(data: Any, at: str, allowed: AbstractSet[str], *, required: bool = False) -> dict[str, Any]:
    """An object's clauses, without those that are ``None``."""
    if not isinstance(data, Mapping):
        raise _wrong(data, at, "an object")
    present = {key: value for key, value in data.items() if value is not None}
    if unknown := present.keys() - allowed:
        raise InvalidFilter(f"{at} has unknown {sorted(map(str, unknown))}: expected {sorted(allowed)}")
    if required and (missing := allowed - present.keys()):
        raise InvalidFilter(f"{at} needs {sorted(missing)}")
    return present


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False


def _wrong(value: Any, at: str, expected: str) -> InvalidFilter:
    try:
        got = f"{value!r:.100}"
    except ValueError:  # Python writes no integer of more than 4,300 digits
        got = "an integer of too many digits"
    return InvalidFilter(f"{at} must be {expected}, got {got}")


_MATCHES: dict[str, Check] = {
    "value": _match_value,
    "any": _match_several,
    "except": _match_several,
    **dict.fromkeys(("text", "text_any", "phrase", "prefix", "substring"), _text),
}

_FIELD_CLAUSES: dict[str, Check] = {
    "match": _match,
    "range": _range,
    "geo_bounding_box": _geo_bounding_box,
    "geo_radius": _geo_radius,
    "geo_polygon": _geo_polygon,
    "values_count": _values_count,
    "is_empty": _flag,
    "is_null": _flag,
}

_WHOLE_CONDITIONS: dict[str, Check] = {
    "is_empty": _of_key,
    "is_null": _of_key,
    "has_id": _has_id,
    "has_vector": _text,
    "nested": _nested,
    "slice": _slice,
}
