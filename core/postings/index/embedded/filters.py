"""Converting filters in JSON form to the types of the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import qdrant_edge as edge

from postings.errors import InvalidFilter
from postings.index.filters import plain_values
from postings.index.protocol import Filter

_T = TypeVar("_T")


def to_edge(filter: Filter) -> edge.Filter:
    """Convert a filter in JSON form.

    Raises:
        InvalidFilter: a condition is malformed, or the embedded engine doesn't know it; the message says where in the
            filter.

    Example:
        >>> to_edge({"must": [{"key": "metadata.year", "range": {"gte": 2020}}]}).must[0].key
        'metadata.year'
    """
    try:
        return _filter(plain_values(filter), "filter")
    except RecursionError as error:
        raise InvalidFilter("filter is nested too deeply") from error


def _filter(data: Any, at: str) -> edge.Filter:
    clauses = _object(data, at, {"must", "should", "must_not", "min_should"})
    min_should = None
    if "min_should" in clauses:
        inner = _object(clauses["min_should"], f"{at}.min_should", {"conditions", "min_count"}, required=True)
        conditions = _conditions(inner["conditions"], f"{at}.min_should.conditions")
        min_should = _build(edge.MinShould, f"{at}.min_should", conditions, inner["min_count"])
    lists = {
        name: _conditions(clauses[name], f"{at}.{name}") for name in ("must", "should", "must_not") if name in clauses
    }
    return edge.Filter(min_should=min_should, **lists)


def _conditions(data: Any, at: str) -> list[Any]:
    if isinstance(data, Mapping):
        return [_condition(data, at)]
    if not isinstance(data, list):
        raise InvalidFilter(f"{at} must be a condition or a list of conditions, got {data!r:.100}")
    return [_condition(item, f"{at}[{i}]") for i, item in enumerate(data)]


def _condition(data: Any, at: str) -> Any:
    if not isinstance(data, Mapping):
        raise InvalidFilter(f"{at} must be an object, got {data!r:.100}")
    if "key" in data:
        return _field(data, at)
    for name, build in _WHOLE_CONDITIONS.items():
        if name in data:
            return build(_object(data, at, {name}, required=True)[name], f"{at}.{name}")
    if data.keys() <= {"must", "should", "must_not", "min_should"} and data:
        return _filter(data, at)
    raise InvalidFilter(
        f"{at} isn't a condition of the embedded engine: expected 'key' with one of {sorted(_FIELD_CLAUSES)}, "
        f"or one of {sorted(_WHOLE_CONDITIONS)}, or a filter, got {sorted(map(str, data))}"
    )


def _field(data: Mapping[str, Any], at: str) -> edge.FieldCondition:
    clauses = _object(data, at, {"key", *_FIELD_CLAUSES})
    key = clauses.pop("key", None)
    if not clauses:
        raise InvalidFilter(f"{at} names the field {key!r:.100} but no clause: add one of {sorted(_FIELD_CLAUSES)}")
    built = {name: _FIELD_CLAUSES[name](value, f"{at}.{name}") for name, value in clauses.items()}
    return _build(edge.FieldCondition, at, key, **built)


def _match(data: Any, at: str) -> Any:
    clause = _object(data, at, set(_MATCHES))
    if len(clause) != 1:
        raise InvalidFilter(f"{at} must have exactly one of {sorted(_MATCHES)}, got {sorted(clause)}")
    ((name, value),) = clause.items()
    return _build(_MATCHES[name], f"{at}.{name}", value)


def _match_value(value: Any) -> edge.MatchValue:
    # The bindings take Python's bool, which is an int, for 0 or 1, but not numpy's.
    boolean: Any = np.bool_(value) if isinstance(value, bool) else value
    return edge.MatchValue(boolean)


def _several(match: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def build(values: Any) -> Any:
        if any(isinstance(value, bool) for value in values):
            raise TypeError("expected strings or integers, got a boolean")
        return match(values)

    return build


def _range(data: Any, at: str) -> Any:
    bounds = _object(data, at, {"lt", "lte", "gt", "gte"})
    texts = [isinstance(bound, str) for bound in bounds.values()]
    if any(texts) and not all(texts):
        raise InvalidFilter(f"{at} mixes numbers and datetimes: {dict(bounds)!r:.100}")
    return _build(edge.RangeDateTime if any(texts) else edge.RangeFloat, at, **bounds)


def _geo_bounding_box(data: Any, at: str) -> Any:
    box = _object(data, at, {"top_left", "bottom_right"}, required=True)
    return edge.GeoBoundingBox(_geo(box["top_left"], f"{at}.top_left"), _geo(box["bottom_right"], f"{at}.bottom_right"))


def _geo_radius(data: Any, at: str) -> Any:
    circle = _object(data, at, {"center", "radius"}, required=True)
    return _build(edge.GeoRadius, at, _geo(circle["center"], f"{at}.center"), circle["radius"])


def _geo_polygon(data: Any, at: str) -> Any:
    polygon = _object(data, at, {"exterior", "interiors"})
    if "exterior" not in polygon:
        raise InvalidFilter(f"{at} needs 'exterior', got {sorted(polygon)}")
    holes = _list(polygon.get("interiors", []), f"{at}.interiors")
    interiors = [_ring(ring, f"{at}.interiors[{i}]") for i, ring in enumerate(holes)]
    return _build(edge.GeoPolygon, at, _ring(polygon["exterior"], f"{at}.exterior"), interiors)


def _ring(data: Any, at: str) -> list[edge.GeoPoint]:
    points = _list(_object(data, at, {"points"}, required=True)["points"], f"{at}.points")
    return [_geo(point, f"{at}.points[{i}]") for i, point in enumerate(points)]


def _geo(data: Any, at: str) -> edge.GeoPoint:
    point = _object(data, at, {"lon", "lat"}, required=True)
    return _build(edge.GeoPoint, at, point["lon"], point["lat"])


def _values_count(data: Any, at: str) -> Any:
    return _build(edge.ValuesCount, at, **_object(data, at, {"lt", "lte", "gt", "gte"}))


def _nested(data: Any, at: str) -> Any:
    nested = _object(data, at, {"key", "filter"}, required=True)
    return _build(edge.NestedCondition, at, nested["key"], _filter(nested["filter"], f"{at}.filter"))


def _has_id(data: Any, at: str) -> Any:
    if any(isinstance(id, bool) for id in _list(data, at)):
        raise InvalidFilter(f"{at} must hold ids, got {data!r:.100}")
    return _build(lambda ids: edge.HasIdCondition(set(ids)), at, data)


def _slice(data: Any, at: str) -> Any:
    condition = edge.SliceCondition  # type: ignore[attr-defined] # missing in its stubs
    return _build(condition, at, **_object(data, at, {"total", "index"}, required=True))


def _keyed(condition: Callable[[str], Any]) -> Callable[[Any, str], Any]:
    return lambda data, at: _build(condition, at, _object(data, at, {"key"}, required=True)["key"])


def _flag(data: Any, at: str) -> bool:
    if not isinstance(data, bool):
        raise InvalidFilter(f"{at} must be true or false, got {data!r:.100}")
    return data


def _list(data: Any, at: str) -> list[Any]:
    if not isinstance(data, list):
        raise InvalidFilter(f"{at} must be a list, got {data!r:.100}")
    return data


def _object(data: Any, at: str, allowed: set[str], *, required: bool = False) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise InvalidFilter(f"{at} must be an object, got {data!r:.100}")
    present = {key: value for key, value in data.items() if value is not None}
    if unknown := present.keys() - allowed:
        raise InvalidFilter(f"{at} has unknown {sorted(map(str, unknown))}: expected {sorted(allowed)}")
    if required and (missing := allowed - present.keys()):
        raise InvalidFilter(f"{at} needs {sorted(missing)}")
    return present


def _build(constructor: Callable[..., _T], at: str, *args: Any, **kwargs: Any) -> _T:
    try:
        return constructor(*args, **kwargs)
    except Exception as error:  # the engine's bindings raise TypeError, ValueError and bare Exception
        reason = str(error).partition("\n")[0]
        raise InvalidFilter(f"{at}: the engine can't read {args or kwargs!r:.200}: {reason:.200}") from error


_MATCHES: dict[str, Callable[[Any], Any]] = {
    "value": _match_value,
    "any": _several(edge.MatchAny),
    "except": _several(edge.MatchExcept),
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
    "values_count": _values_count,
    "is_empty": _flag,
    "is_null": _flag,
}

_WHOLE_CONDITIONS: dict[str, Callable[[Any, str], Any]] = {
    "is_empty": _keyed(edge.IsEmptyCondition),
    "is_null": _keyed(edge.IsNullCondition),
    "has_id": _has_id,
    "has_vector": lambda data, at: _build(edge.HasVectorCondition, at, data),
    "nested": _nested,
    "slice": _slice,
}
