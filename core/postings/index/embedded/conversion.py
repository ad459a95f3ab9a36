"""Converting points and searches to the types of the embedded engine, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import qdrant_edge as edge

from postings.index.embedded.filters import to_edge
from postings.index.protocol import Point, ScoredPoint
from postings.index.ranking import Question
from postings.vectors import SparseVector


def to_edge_point(point: Point) -> edge.Point:
    """Convert a point to write."""
    vectors: dict[str, Any] = {name: _to_vector(vector) for name, vector in point.vectors.items()}
    return edge.Point(point.id, vectors, dict(point.payload))


def _to_vector(vector: SparseVector) -> edge.SparseVector:
    return edge.SparseVector(vector.indices.tolist(), vector.values.tolist())


def to_edge_query(question: Question) -> edge.QueryRequest:
    """Convert a search."""
    return edge.QueryRequest(
        query=edge.Query.Nearest(_to_vector(question.vector), using=question.using),
        limit=question.limit,
        offset=question.offset,
        filter=None if question.filter is None else to_edge(question.filter),
        score_threshold=question.score_threshold,
        with_payload=True if question.fields is None else list(question.fields),
        with_vector=[question.using] if question.with_vector else False,
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
