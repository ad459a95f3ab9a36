"""Converting what an index takes and returns to JSON, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from postings.index.filters import as_json
from postings.index.models import CollectionModels
from postings.index.protocol import IndexInfo, Point, ScoredPoint, SearchRequest, WordQuery
from postings.index.proxy.vectors import vectors_from_text, vectors_to_text
from postings.vectors import SparseVector


def points_to_json(points: Sequence[Point]) -> dict[str, Any]:
    """Convert points, with their scores if they were found by a search.

    Example:
        >>> points_to_json([Point("7", {"doc_id": "intro"}, {"words": SparseVector([1, 2], [1.0, 2.0])})])
        {'points': [['7', {'doc_id': 'intro'}, {'words': 2}]], 'vectors': 'AQAAAAIAAAAAAIA/AAAAQA=='}
    """
    return {
        "points": [_point_to_json(point) for point in points],
        "vectors": vectors_to_text(vector for point in points for vector in point.vectors.values()),
    }


def _point_to_json(point: Point) -> list[Any]:
    fields = [point.id, point.payload, {name: len(vector) for name, vector in point.vectors.items()}]
    return [*fields, point.score] if isinstance(point, ScoredPoint) else fields


def points_from_json(data: Mapping[str, Any]) -> list[Point]:
    """Read points.

    Raises:
        InvalidVector: a vector breaks a rule of :class:`postings.SparseVector`.
    """
    return [Point(id, payload, vectors) for id, payload, vectors in _fields(data)]


def hits_from_json(data: Mapping[str, Any]) -> list[ScoredPoint]:
    """Read points that were found by a search."""
    return [ScoredPoint(id, payload, vectors, score) for id, payload, vectors, score in _fields(data)]


def _fields(data: Mapping[str, Any]) -> Iterator[list[Any]]:
    points = data["points"]
    vectors = iter(vectors_from_text(data["vectors"], [n for _, _, named, *_ in points for n in named.values()]))
    for id, payload, named, *score in points:
        yield [id, payload, {name: next(vectors) for name in named}, *score]


def request_to_json(request: SearchRequest) -> dict[str, Any]:
    """Convert a search.

    Raises:
        InvalidFilter: a filter isn't one.
    """
    words = request.words
    return {
        "vector": _vector_to_json(request.vector),
        "using": request.using,
        "limit": request.limit,
        "offset": request.offset,
        "filter": None if request.filter is None else as_json(request.filter),
        "score_threshold": request.score_threshold,
        "with_vector": request.with_vector,
        "words": words and {"vector": _vector_to_json(words.vector), "weight": words.weight, "fusion": words.fusion},
        "fields": None if request.fields is None else list(request.fields),
        "corpus": None if request.corpus is None else as_json(request.corpus),
    }


def request_from_json(data: Mapping[str, Any]) -> SearchRequest:
    """Read a search; it is checked as any other.

    Raises:
        InvalidQuery, InvalidVector: a value has the wrong type or is out of range.
    """
    words = data["words"]
    if words is not None:
        words = WordQuery(_vector_from_json(words["vector"]), words["weight"], words["fusion"])
    return SearchRequest(**{**data, "vector": _vector_from_json(data["vector"]), "words": words})


def info_to_json(info: IndexInfo) -> dict[str, Any]:
    """Convert the description of a collection, without its location, which each process calls by its own path."""
    return {"models": info.models.to_json(), "points": info.points, "approximate": info.approximate}


def info_from_json(data: Mapping[str, Any], collection: str, location: str) -> IndexInfo:
    """Read the description of a collection."""
    models = CollectionModels.from_json(data["models"], collection)
    return IndexInfo(collection, location, models, data["points"], data["approximate"])


def _vector_to_json(vector: SparseVector) -> list[Any]:
    return [len(vector), vectors_to_text([vector])]


def _vector_from_json(data: Sequence[Any]) -> SparseVector:
    length, text = data
    return vectors_from_text(text, [length])[0]
