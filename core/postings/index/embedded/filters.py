"""Converting filters in JSON form to the types of the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import qdrant_edge as edge

from postings.errors import InvalidFilter
from postings.index.filter_grammar import LISTS
from postings.index.protocol import Filter

_T = TypeVar("_T")


def to_edge(filter: Filter) -> edge.Filter:
    """Convert a filter that :func:`postings.index.fields.checked_filter` gave.

    Raises:
        InvalidFilter: the engine can't read a value, such as a path or a date; the message says where in the filter.

    Example:
        >>> to_edge({"must": [{"key": "metadata.year", "range": {"gte": 2020}}]}).must[0].key
        'metadata.year'
    """
    return _filter(filter, "filter")


def _filter(data: Mapping[str, Any], at: str) -> edge.Filter:
    clauses = _present(data)
    min_should = None
    if "min_should" in clauses:
        inner = clauses["min_should"]
        conditions = _conditions(inner["conditions"], f"{at}.min_should.conditions")
        min_should = _build(edge.MinShould, f"{at}.min_should", conditions, inner["min_count"])
    lists = {name: _conditions(clauses[name], f"{at}.{name}") for name in LISTS if name in clauses}
    return edge.Filter(min_should=min_should, **lists)


def _conditions(data: Any, at: str) -> list[Any]:
    if isinstance(data, Mapping):
        return [_condition(data, at)]
    return [_condition(item, f"{at}[{i}]") for i, item in enumerate(data)]


def _condition(data: Mapping[str, Any], at: str) -> Any:
    if "key" in data:
        clauses = _present(data)
        key = clauses.pop("key")
        built = {name: _FIELD_CLAUSES[name](value, f"{at}.{name}") for name, value in clauses.items()}
        return _build(edge.FieldCondition, at, key, **built)
    for name, build in _WHOLE_CONDITIONS.items():
        if name in data:
            return build(data[name], f"{at}.{name}")
    return _filter(data, at)


def _match(data: Any, at: str) -> Any:
    ((name, value),) = _present(data).items()
    return _build(_MATCHES[name], f"{at}.{name}", value)


def _match_value(value: Any) -> edge.MatchValue:
    # The bindings take Python's bool, which is an int, for 0 or 1, but not numpy's.
    boolean: Any = np.bool_(value) if isinstance(value, bool) else value
    return edge.MatchValue(boolean)


def _range(data: Any, at: str) -> Any:
    bounds = _present(data)
    is_of_dates = any(isinstance(bound, str) for bound in bounds.values())
    return _build(edge.RangeDateTime if is_of_dates else edge.RangeFloat, at, **bounds)


def _geo_bounding_box(data: Any, at: str) -> Any:
    return edge.GeoBoundingBox(
        _geo(data["top_left"], f"{at}.top_left"), _geo(data["bottom_right"], f"{at}.bottom_right")
    )


def _geo_radius(data: Any, at: str) -> Any:
    return _build(edge.GeoRadius, at, _geo(data["center"], f"{at}.center"), data["radius"])


def _geo_polygon(data: Any, at: str) -> Any:
    polygon = _present(data)
    interiors = [_ring(ring, f"{at}.interiors[{i}]") for i, ring in enumerate(polygon.get("interiors", []))]
    return _build(edge.GeoPolygon, at, _ring(polygon["exterior"], f"{at}.exterior"), interiors)


def _ring(data: Any, at: str) -> list[edge.GeoPoint]:
    return [_geo(point, f"{at}.points[{i}]") for i, point in enumerate(data["points"])]


def _geo(data: Any, at: str) -> edge.GeoPoint:
    return _build(edge.GeoPoint, at, data["lon"], data["lat"])


def _nested(data: Any, at: str) -> Any:
    return _build(edge.NestedCondition, at, data["key"], _filter(data["filter"], f"{at}.filter"))


def _keyed(condition: Callable[[str], Any]) -> Callable[[Any, str], Any]:
    return lambda data, at: _build(condition, at, data["key"])


def _present(data: Mapping[str, Any]) -> dict[str, Any]:
    """The clauses that are there: ``None`` says that one isn't."""
    return {key: value for key, value in data.items() if value is not None}


def _build(constructor: Callable[..., _T], at: str, *args: Any, **kwargs: Any) -> _T:
    try:
        return constructor(*args, **kwargs)
    except Exception as error:  # the engine's bindings raise TypeError, ValueError and bare Exception
        reason = str(error).partition("\n")[0]
        hint = "; a key with other characters stands in quotation marks" if "JSON path" in reason else ""
        raise InvalidFilter(f"{at}: the engine can't read {args or kwargs!r:.200}: {reason:.200}{hint}") from error


_MATCHES: dict[str, Callable[[Any], Any]] = {
    "value": _match_value,
    "any": edge.MatchAny,
    "except": edge.MatchExcept,
    "text": edge.MatchText,
    "text_any": edge.MatchTextAny,
    "phrase": edge.MatchPhrase,
    "prefix": edge.MatchPrefix,
    "substring": edge.MatchSubstring,
}

_FIELD_CLAUSES: dict[str, Callable[[Any, str], Any]] = {
    "match": _match,
    "range": _range,
    "geo_bounding_box": _geo_bounding_box,
    "geo_radius": _geo_radius,
    "geo_polygon": _geo_polygon,
    "values_count": lambda data, at: _build(edge.ValuesCount, at, **_present(data)),
    "is_empty": lambda data, _: data,
    "is_null": lambda data, _: data,
}

_WHOLE_CONDITIONS: dict[str, Callable[[Any, str], Any]] = {
    "is_empty": _keyed(edge.IsEmptyCondition),
    "is_null": _keyed(edge.IsNullCondition),
    "has_id": lambda data, at: _build(lambda ids: edge.HasIdCondition(set(ids)), at, data),
    "has_vector": lambda data, at: _build(edge.HasVectorCondition, at, data),
    "nested": _nested,
    # Missing in its stubs.
    "slice": lambda data, at: _build(edge.SliceCondition, at, **data),  # type: ignore[attr-defined]
}
