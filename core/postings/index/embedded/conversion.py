"""Converting points and searches to the types of the embedded engine, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import qdrant_edge as edge

from postings.batching import once_each
from postings.index.embedded.filters import to_edge
from postings.index.payload import payload_to_read
from postings.index.protocol import RRF_K, Filter, Point, ScoredPoint, WordQuery
from postings.index.ranking import EngineQuery
from postings.many_vectors import named_vectors
from postings.vectors import SparseVector
from postings.words.config import WORDS


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


def to_edge_queries(queries: Iterable[EngineQuery]) -> list[edge.QueryRequest]:
    """Convert searches, each filter once."""
    converted = once_each(to_edge)
    return [_to_query(query, None if query.filter is None else converted(query.filter)) for query in queries]


def _to_query(query: EngineQuery, filter: edge.Filter | None) -> edge.QueryRequest:
    nearest = edge.Query.Nearest(_to_vector(query.vector), using=query.using)
    return edge.QueryRequest(
        query=_fusion(query.words) if query.words else nearest,
        prefetches=_both(query, query.words, nearest, filter) if query.words else None,
        limit=query.limit,
        offset=query.offset,
        filter=None if query.words else filter,
        score_threshold=query.score_threshold,
        with_payload=payload_to_read(query.fields),
        with_vector=list(query.vectors) or False,
        params=None if query.words else _counted_in(query.corpus),
    )


def _counted_in(corpus: Filter | None) -> edge.SearchParams | None:
    """Count document frequencies among these points."""
    return None if corpus is None else edge.SearchParams(idf=edge.IdfParams(to_edge(corpus)))


def _both(query: EngineQuery, words: WordQuery, nearest: edge.Query, filter: edge.Filter | None) -> list[edge.Prefetch]:
    """The best points of the model and of the words; for a sum, the candidates of both with either score."""
    exact = edge.Query.Nearest(_to_vector(words.vector), using=WORDS)
    searches = [(nearest, None), (exact, _counted_in(query.corpus))]
    sides = [edge.Prefetch(query.candidates, query=each, filter=filter, params=count) for each, count in searches]
    if words.fusion != "sum":
        return sides
    return [edge.Prefetch(query.scored, query=each, prefetches=sides, params=count) for each, count in searches]


def _fusion(words: WordQuery) -> Any:
    if words.fusion == "rrf":
        return edge.Fusion.Rrf(RRF_K)
    if words.fusion == "dbsf":
        return edge.Fusion.Dbsf()
    model, exact = (edge.Expression.Variable(f"$score[{side}]") for side in range(2))
    weighted = edge.Expression.Mult([edge.Expression.Constant(words.weight), exact])
    return edge.Formula(edge.Expression.Sum([model, weighted]), defaults={"$score[0]": 0.0, "$score[1]": 0.0})


def to_hits(answer: Sequence[edge.ScoredPoint]) -> list[ScoredPoint]:
    """Convert the points found by a search."""
    vectors = named_vectors(hit.vector for hit in answer)
    return [
        ScoredPoint(str(hit.id), hit.payload or {}, named, hit.score)
        for hit, named in zip(answer, vectors, strict=True)
    ]


def to_points(records: Sequence[edge.Record]) -> list[Point]:
    """Convert stored points."""
    vectors = named_vectors(record.vector for record in records)
    return [Point(str(record.id), record.payload or {}, named) for record, named in zip(records, vectors, strict=True)]
