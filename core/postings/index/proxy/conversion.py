"""Converting what an index takes and returns to JSON, and back.

Vectors are base64 of their indices (int32) and then their values (float32), little-endian, so that weights stay exact.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np

from postings.index.filters import as_json
from postings.index.models import CollectionModels
from postings.index.protocol import IndexInfo, Point, ScoredPoint, SearchRequest, WordQuery
from postings.vectors import SparseVector

_SIZES = 4 + 4  # bytes of an index and of a value


def vector_to_json(vector: SparseVector) -> str:
    """Convert a vector.

    Example:
        >>> vector_from_json(vector_to_json(SparseVector([3], [0.1])))
        SparseVector({3: 0.1})
    """
    data = vector.indices.astype("<i4", copy=False).tobytes() + vector.values.astype("<f4", copy=False).tobytes()
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def vector_from_json(text: str) -> SparseVector:
    """Read what :func:`vector_to_json` wrote.

    Raises:
        InvalidVector: the arrays break a rule of :class:`postings.SparseVector`.
        ValueError: this isn't such a text.
    """
    data = binascii.a2b_base64(text, strict_mode=True)
    entries, rest = divmod(len(data), _SIZES)
    if rest:
        raise ValueError(f"expected indices and as many values, got {len(data)} bytes")
    return SparseVector(np.frombuffer(data, "<i4", entries), np.frombuffer(data, "<f4", offset=4 * entries))


def point_to_json(point: Point) -> dict[str, Any]:
    """Convert a point, with its score if it was found by a search."""
    converted: dict[str, Any] = {
        "id": point.id,
        "payload": point.payload,
        "vectors": {name: vector_to_json(vector) for name, vector in point.vectors.items()},
    }
    if isinstance(point, ScoredPoint):
        converted["score"] = point.score
    return converted


def point_from_json(data: Mapping[str, Any]) -> Point:
    """Read a point."""
    return Point(data["id"], data["payload"], _vectors(data))


def hit_from_json(data: Mapping[str, Any]) -> ScoredPoint:
    """Read a point that was found by a search."""
    return ScoredPoint(data["id"], data["payload"], _vectors(data), data["score"])


def request_to_json(request: SearchRequest) -> dict[str, Any]:
    """Convert a search.

    Raises:
        InvalidFilter: a filter isn't one.
    """
    words = request.words
    return {
        "vector": vector_to_json(request.vector),
        "using": request.using,
        "limit": request.limit,
        "offset": request.offset,
        "filter": None if request.filter is None else as_json(request.filter),
        "score_threshold": request.score_threshold,
        "with_vector": request.with_vector,
        "words": words and {"vector": vector_to_json(words.vector), "weight": words.weight, "fusion": words.fusion},
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
        words = WordQuery(vector_from_json(words["vector"]), words["weight"], words["fusion"])
    return SearchRequest(**{**data, "vector": vector_from_json(data["vector"]), "words": words})


def info_to_json(info: IndexInfo) -> dict[str, Any]:
    """Convert the description of a collection, without its location, which each process calls by its own path."""
    return {"models": info.models.to_json(), "points": info.points, "approximate": info.approximate}


def info_from_json(data: Mapping[str, Any], collection: str, location: str) -> IndexInfo:
    """Read the description of a collection."""
    models = CollectionModels.from_json(data["models"], collection)
    return IndexInfo(collection, location, models, data["points"], data["approximate"])


def _vectors(data: Mapping[str, Any]) -> dict[str, SparseVector]:
    return {name: vector_from_json(vector) for name, vector in data["vectors"].items()}
