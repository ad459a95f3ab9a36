"""Postings' values in the form of qdrant-client, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from qdrant_client import models as q
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc

from postings.errors import InvalidFilter
from postings.index.protocol import Filter, Point, ScoredPoint
from postings.index.ranking import Question
from postings.vectors import SparseVector

_LISTS = ("must", "should", "must_not")
_POINTS_PER_REQUEST = 64
_BYTES_PER_REQUEST = 8_000_000


def to_filter(filter: Filter) -> q.Filter:
    """A filter, of which nothing is lost on the way to a server, be it by REST or by gRPC.

    Raises:
        InvalidFilter: it isn't one of Qdrant's, or has several clauses in one condition: of those, gRPC would carry
            the first alone.
    """
    try:
        made = q.Filter.model_validate(filter)
        carried = GrpcToRest.convert_filter(RestToGrpc.convert_filter(made))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidFilter(f"not a Qdrant filter: {error}") from error
    arrives = set(_places(_json(carried)))
    if lost := [place for place in _places(_json(made)) if place not in arrives]:
        raise InvalidFilter(f"{lost[0]} would be lost over gRPC: give each clause a condition of its own")
    return made


def _json(filter: q.Filter) -> Any:
    return filter.model_dump(by_alias=True, exclude_none=True)


def _places(value: Any, at: str = "filter") -> Iterator[str]:
    """Where something is said; a condition alone is as good as a list of one."""
    if isinstance(value, Mapping):
        yield at
        for name, inner in value.items():
            alone = name in _LISTS and isinstance(inner, Mapping)
            yield from _places([inner] if alone else inner, f"{at}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, f"{at}[{number}]")
    else:
        yield at


def to_struct(point: Point) -> q.PointStruct:
    """A point to write."""
    vectors: dict[str, Any] = {name: _to_vector(vector) for name, vector in point.vectors.items()}
    return q.PointStruct(id=point.id, vector=vectors, payload=dict(point.payload))


def portions(points: Sequence[Point]) -> Iterator[Sequence[Point]]:
    """Points as they go into one request each: at most 64, and about 8 MB, of the 32 MB that a server takes."""
    start = size = 0
    for at, point in enumerate(points):
        more = _bytes(point)
        if at > start and (at - start >= _POINTS_PER_REQUEST or size + more > _BYTES_PER_REQUEST):
            yield points[start:at]
            start, size = at, 0
        size += more
    if points:
        yield points[start:]


def _bytes(point: Point) -> int:
    """About what a point takes as JSON."""
    words = sum(len(value) for value in point.payload.values() if isinstance(value, str))
    metadata = point.payload.get("metadata")
    return words + (len(json.dumps(metadata)) if metadata else 0) + 24 * sum(map(len, point.vectors.values()))


def to_query(question: Question) -> q.QueryRequest:
    """A search."""
    return q.QueryRequest(
        query=_to_vector(question.vector),
        using=question.using,
        limit=question.limit,
        offset=question.offset,
        filter=None if question.filter is None else to_filter(question.filter),
        score_threshold=question.score_threshold,
        with_payload=True if question.fields is None else list(question.fields),
        with_vector=[question.using] if question.with_vector else False,
    )


def to_hits(answer: q.QueryResponse) -> list[ScoredPoint]:
    """The points that a search found."""
    # REST writes the shortest decimal that stands for a float32: 0.4 for what gRPC gives as 0.4000000059604645.
    scores = np.array([hit.score for hit in answer.points], np.float32).tolist()
    return [
        ScoredPoint(str(hit.id), hit.payload or {}, _vectors(hit.vector), score)
        for hit, score in zip(answer.points, scores, strict=True)
    ]


def to_point(record: q.Record) -> Point:
    """A stored point."""
    return Point(str(record.id), record.payload or {}, _vectors(record.vector))


def _to_vector(vector: SparseVector) -> q.SparseVector:
    return q.SparseVector(indices=vector.indices.tolist(), values=vector.values.tolist())


def _vectors(stored: Any) -> Mapping[str, SparseVector]:
    if not isinstance(stored, Mapping):
        return {}
    return {name: SparseVector.from_pairs(zip(v.indices, v.values, strict=True)) for name, v in stored.items()}
