"""Converting points and searches to the types of the embedded engine, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import qdrant_edge as edge

from postings.index.embedded.filters import to_edge
from postings.index.protocol import Point, ScoredPoint
from postings.index.ranking import EngineQuery
from postings.vectors import SparseVector


def to_edge_point(point: Point) -> edge.Point:
    """Convert a point to write."""
    vectors: dict[str, Any] = {name: _to_vector(vector) for name, vector in point.vectors.items()}
    return edge.Point(point.id, vectors, dict(point.payload))


def to_edge_vectors(point: Point) -> edge.PointVectors:
    """Convert the vectors of a point to update."""
    vectors: dict[str, Any] = {name: _to_vector(vector) for name, vector in point.vectors.items()}
    return edge.PointVectors(point.id, vectors)


def _to_vector(vector: SparseVector) -> edge.SparseVector:
    return edge.SparseVector(vector.indices.tolist(), vector.values.tolist())


def to_edge_query(query: EngineQuery) -> edge.QueryRequest:
    """Convert a search."""
    return edge.QueryRequest(
        query=edge.Query.Nearest(_to_vector(query.vector), using=query.using),
        limit=query.limit,
        offset=query.offset,
        filter=None if query.filter is None else to_edge(query.filter),
        score_threshold=query.score_threshold,
        with_payload=True if query.fields is None else list(query.fields),
        with_vector=[query.using] if query.with_vector else False,
    )


def to_hit(hit: edge.ScoredPoint) -> ScoredPoint:
    """Convert a point found by a search."""
    return ScoredPoint(str(hit.id), hit.payload or {}, _vectors(hit.vector), hit.score)


def to_point(record: edge.Record) -> Point:
    """Convert a stored point."""
    return Point(str(record.id), record.payload or {}, _vectors(record.vector))


def _vectors(stored: Any) -> Mapping[str, SparseVector]:
    if not isinstance(stored, dict):
        return {}
    return {name: SparseVector(vector.indices, vector.values) for name, vector in stored.items()}
