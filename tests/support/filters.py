"""Filters in JSON and of qdrant-client, in short forms."""

from __future__ import annotations

from typing import Any

from qdrant_client import models as q


def must(condition: Any) -> dict[str, Any]:
    """A filter of one condition."""
    return {"must": [condition]}


def field(**clauses: Any) -> dict[str, Any]:
    """A filter of one condition on a field."""
    return must({"key": "metadata.k", **clauses})


def geo(lon: float = 0, lat: float = 0) -> q.GeoPoint:
    return q.GeoPoint(lon=lon, lat=lat)


RING = q.GeoLineString(points=[geo(0, 0), geo(1, 0), geo(1, 1), geo(0, 0)])
"""A triangle."""
ONE = q.FieldCondition(key="a", match=q.MatchValue(value=1))


def number_is(value: int) -> dict[str, object]:
    """The condition that a document's number is this."""
    return {"key": "metadata.number", "match": {"value": value}}
