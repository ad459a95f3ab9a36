"""Converting points, filters and searches to the types of qdrant-client, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError
from qdrant_client import models as q
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc

from postings.batching import once_each
from postings.errors import InvalidFilter
from postings.index.filter_grammar import LISTS
from postings.index.payload import payload_to_read
from postings.index.protocol import RRF_K, Filter, Point, ScoredPoint, WordQuery
from postings.index.ranking import EngineQuery
from postings.index.server.versions import SINCE
from postings.many_vectors import named_vectors
from postings.vectors import SparseVector
from postings.words.config import WORDS

_POINTS_PER_REQUEST = 64
_BYTES_PER_REQUEST = 8_000_000


def to_filter(filter: Filter) -> q.Filter:
    """Convert a filter that a user wrote, once it is checked, and check that both REST and gRPC can send all of it.

    Raises:
        InvalidFilter: this isn't a Qdrant filter, or a condition has several clauses, of which gRPC would send only the
            first.
    """
    try:
        converted = to_own_filter(filter)
        received = GrpcToRest.convert_filter(RestToGrpc.convert_filter(converted))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part in SINCE)
        raise InvalidFilter(f"not a Qdrant filter: {place}: {first['msg']}, got {first['input']!r:.100}") from error
    except (ValueError, TypeError) as error:
        raise InvalidFilter(f"not a Qdrant filter: {error}") from error
    received_paths = set(_paths(_json(received)))
    if lost := [path for path in _paths(_json(converted)) if path not in received_paths]:
        raise InvalidFilter(f"{lost[0]} would be lost over gRPC: put each clause in its own condition")
    return converted


def to_own_filter(filter: Filter) -> q.Filter:
    """Convert a condition that Postings itself makes: the checks would take half the time of a write."""
    return q.Filter.model_validate(filter)


def _json(filter: q.Filter) -> Any:
    return filter.model_dump(by_alias=True, exclude_none=True)


def _paths(value: Any, at: str = "filter") -> Iterator[str]:
    """The paths of all values in a filter; a single condition counts as a list of one."""
    if isinstance(value, Mapping):
        yield at
        for name, inner in value.items():
            single = name in LISTS and isinstance(inner, Mapping)
            yield from _paths([inner] if single else inner, f"{at}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _paths(inner, f"{at}[{number}]")
    else:
        yield at


def to_struct(point: Point) -> q.PointStruct:
    """Convert a point to write."""
    return q.PointStruct.model_construct(id=point.id, vector=_to_vectors(point), payload=dict(point.payload))


def to_point_vectors(point: Point) -> q.PointVectors:
    """Convert the vectors of a point to update."""
    return q.PointVectors.model_construct(id=point.id, vector=_to_vectors(point))


def portions(points: Sequence[Point]) -> Iterator[Sequence[Point]]:
    """Split points into requests of at most 64 points and about 8 MB; a server accepts 32 MB."""
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
    """The approximate size of a point as JSON."""
    characters = sum(len(value) for value in point.payload.values() if isinstance(value, str))
    metadata = point.payload.get("metadata")
    return characters + (len(json.dumps(metadata)) if metadata else 0) + 24 * sum(map(len, point.vectors.values()))


def to_queries(queries: Iterable[EngineQuery]) -> list[q.QueryRequest]:
    """Convert searches, each filter once."""
    converted = once_each(to_filter)
    return [_to_query(query, None if query.filter is None else converted(query.filter)) for query in queries]


def _to_query(query: EngineQuery, filter: q.Filter | None) -> q.QueryRequest:
    shown: dict[str, Any] = {
        "limit": query.limit,
        "offset": query.offset,
        "score_threshold": query.score_threshold,
        "with_payload": payload_to_read(query.fields),
        "with_vector": list(query.vectors) or False,
    }
    if query.words is None:
        params = _counted_in(query.corpus)
        nearest = q.NearestQuery(nearest=_to_vector(query.vector))
        return q.QueryRequest(query=nearest, using=query.using, filter=filter, params=params, **shown)
    return q.QueryRequest(query=_fusion(query.words), prefetch=_both(query, query.words, filter), **shown)


def _both(query: EngineQuery, words: WordQuery, filter: q.Filter | None) -> list[q.Prefetch]:
    """The best points of the model and of the words; for a sum, the candidates of both with either score."""
    searches: list[dict[str, Any]] = [
        {"query": q.NearestQuery(nearest=_to_vector(query.vector)), "using": query.using},
        {
            "query": q.NearestQuery(nearest=_to_vector(words.vector)),
            "using": WORDS,
            "params": _counted_in(query.corpus),
        },
    ]
    sides = [q.Prefetch(**each, filter=filter, limit=query.candidates) for each in searches]
    if words.fusion != "sum":
        return sides
    return [q.Prefetch(**each, prefetch=sides, limit=query.scored) for each in searches]


def _counted_in(corpus: Filter | None) -> q.SearchParams | None:
    """Count document frequencies among these points."""
    return None if corpus is None else q.SearchParams(idf=q.IdfCorpusParams(corpus=to_own_filter(corpus)))


def _fusion(words: WordQuery) -> q.FormulaQuery | q.RrfQuery | q.FusionQuery:
    if words.fusion == "rrf":
        return q.RrfQuery(rrf=q.Rrf(k=RRF_K))
    if words.fusion == "dbsf":
        return q.FusionQuery(fusion=q.Fusion.DBSF)
    weighted = q.MultExpression(mult=[words.weight, "$score[1]"])
    return q.FormulaQuery(
        formula=q.SumExpression(sum=["$score[0]", weighted]), defaults={"$score[0]": 0.0, "$score[1]": 0.0}
    )


def to_hits(answer: q.QueryResponse) -> list[ScoredPoint]:
    """Convert the points found by a search."""
    # REST sends a float32 as the shortest decimal: 0.4 instead of 0.4000000059604645, which gRPC returns.
    scores = np.array([hit.score for hit in answer.points], np.float32).tolist()
    vectors = named_vectors(hit.vector for hit in answer.points)
    return [
        ScoredPoint(str(hit.id), hit.payload or {}, named, score)
        for hit, named, score in zip(answer.points, vectors, scores, strict=True)
    ]


def to_points(records: Sequence[q.Record]) -> list[Point]:
    """Convert stored points."""
    vectors = named_vectors(record.vector for record in records)
    return [Point(str(record.id), record.payload or {}, named) for record, named in zip(records, vectors, strict=True)]


def _to_vectors(point: Point) -> dict[str, Any]:
    return {name: _to_vector(vector) for name, vector in point.vectors.items()}


# Not checked once more, which would take a client an eighth of the time of a write: the vector checked itself.
def _to_vector(vector: SparseVector) -> q.SparseVector:
    return q.SparseVector.model_construct(indices=vector.indices.tolist(), values=vector.values.tolist())
