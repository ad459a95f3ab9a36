"""Requests for points, in the words of Qdrant's REST, answered by Qdrant's engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from postings import EdgeIndex, SparseVector
from postings.index import Point
from postings.index.protocol import Fusion, ScoredPoint, WordQuery
from postings.index.ranking import EngineQuery
from postings.index.revisions import replaced_by
from tests.support.qdrant_rules import Refused, unknown


def upsert(index: EdgeIndex, body: Mapping[str, Any]) -> dict[str, Any]:
    points = [Point(each["id"], each["payload"], _vectors(each["vector"])) for each in body["points"]]
    if (condition := body.get("update_filter")) is None:
        index.upsert(points)
    else:
        if _bare(condition) != _bare(replaced_by(points)):
            raise Refused(400, f"this front knows no such condition: {condition}")
        index.upsert(points, keep_newer=True)
    return {"operation_id": 0, "status": "completed"}


def update_vectors(index: EdgeIndex, body: Mapping[str, Any]) -> dict[str, Any]:
    points = [Point(each["id"], {}, _vectors(each["vector"])) for each in body["points"]]
    index.update_vectors(points, _bare(body["update_filter"]))
    there = {point.id for point in index.retrieve([point.id for point in points], fields=[])}
    for point in points:
        if point.id not in there:
            raise Refused(404, f"Not found: No point with id {point.id} found")
    return {"operation_id": 0, "status": "completed"}


def delete(index: EdgeIndex, body: Mapping[str, Any]) -> dict[str, Any]:
    index.delete(_bare(body["filter"]))
    return {"operation_id": 0, "status": "completed"}


def query_batch(index: EdgeIndex, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    queries = [_hybrid(each) if each.get("prefetch") else _query(each, each) for each in body["searches"]]
    return [{"points": [_point(hit) for hit in hits]} for hits in index.nearest(queries)]


def query(index: EdgeIndex, body: Mapping[str, Any]) -> dict[str, Any]:
    (found,) = query_batch(index, {"searches": [body]})
    return found


def _query(model: Mapping[str, Any], whole: Mapping[str, Any]) -> EngineQuery:
    return EngineQuery(
        vector=_nearest(model),
        using=model["using"],
        limit=whole["limit"],
        offset=whole.get("offset") or 0,
        filter=_filter(model),
        score_threshold=whole.get("score_threshold"),
        fields=_fields(whole["with_payload"]),
        vectors=_names(whole.get("with_vector")),
        corpus=_corpus(model),
    )


def _corpus(query: Mapping[str, Any]) -> dict[str, Any] | None:
    """Among which points document frequencies are counted; before 1.19, a server doesn't read it."""
    idf = (query.get("params") or {}).get("idf")
    return _bare(idf["corpus"]) if idf and "idf" not in unknown() else None


def _hybrid(whole: Mapping[str, Any]) -> EngineQuery:
    """The one shape of nested prefetches that this front knows: what it would read otherwise isn't guessed."""
    fusion, weight = _fusion(_bare(whole["query"]))
    outer = _bare(whole["prefetch"])
    sides = outer[0]["prefetch"] if fusion == "sum" else outer
    model, words = sides
    number = model["limit"]
    scored = outer[0]["limit"]
    nested = [{**side, "limit": scored, "prefetch": sides} for side in map(_unfiltered, sides)]
    if outer != (nested if fusion == "sum" else sides) or words["limit"] != number or whole.get("filter"):
        raise Refused(400, f"this front knows no such prefetch: {outer}")
    if words["using"] != "words" or words.get("filter") != model.get("filter"):
        raise Refused(400, f"this front knows no such prefetch: {words}")
    exact = WordQuery(_nearest(words), weight, fusion)
    return replace(_query(model, whole), words=exact, corpus=_corpus(words), candidates=number, scored=scored)


def _unfiltered(side: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in side.items() if name != "filter"}


def _fusion(query: Mapping[str, Any]) -> tuple[Fusion, float]:
    match query:
        case {"formula": {"sum": ["$score[0]", {"mult": [int() | float() as weight, "$score[1]"]}]}, "defaults": known}:
            if known == {"$score[0]": 0.0, "$score[1]": 0.0}:
                return "sum", weight
        case {"rrf": {"k": 60}}:
            return "rrf", 1.0
        case {"fusion": "dbsf"}:
            return "dbsf", 1.0
    raise Refused(400, f"this front knows no such query: {query}")


def _nearest(query: Mapping[str, Any]) -> SparseVector:
    vector = query["query"]["nearest"]
    return SparseVector(vector.get("indices", []), vector.get("values", []))


def _names(selector: Any) -> list[str]:
    chosen = selector.get("include") if isinstance(selector, dict) else selector
    return chosen if isinstance(chosen, list) else []


def _fields(selector: Any) -> list[str] | None:
    """Over gRPC, a list comes as a selector that includes it."""
    chosen = selector.get("include") if isinstance(selector, dict) else selector
    return chosen if isinstance(chosen, list) else None if chosen else []


def retrieve(index: EdgeIndex, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    fields, vectors = _fields(body["with_payload"]), body.get("with_vector") or ()
    return [_point(point) for point in index.retrieve(body["ids"], fields=fields, vectors=vectors)]


def scroll(index: EdgeIndex, body: Mapping[str, Any]) -> dict[str, Any]:
    fields = _fields(body.get("with_payload", True))
    points: list[Point] = []
    following = body.get("offset")
    while len(points) <= body["limit"]:
        some, following = index.page(
            _filter(body), fields=fields, vectors=body.get("with_vector") or (), offset=following
        )
        points += some
        if following is None:
            break
    page, rest = points[: body["limit"]], points[body["limit"] :]
    return {"points": [_point(point) for point in page], "next_page_offset": rest[0].id if rest else following}


def count(index: EdgeIndex, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"count": index.count(_filter(body), exact=body.get("exact", True))}


def _filter(body: Mapping[str, Any]) -> dict[str, Any] | None:
    return None if body.get("filter") is None else _bare(body["filter"])


def _bare(value: Any) -> Any:
    """Without what the client leaves empty."""
    if isinstance(value, Mapping):
        return {name: _bare(each) for name, each in value.items() if each not in (None, [])}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def _vectors(stored: Mapping[str, Any]) -> dict[str, SparseVector]:
    return {name: SparseVector(vector["indices"], vector["values"]) for name, vector in stored.items()}


def _point(point: Point) -> dict[str, Any]:
    vectors = {
        name: {"indices": vector.indices.tolist(), "values": vector.values.tolist()}
        for name, vector in point.vectors.items()
    }
    shown: dict[str, Any] = {"id": point.id, "payload": dict(point.payload), "vector": vectors}
    return {**shown, "version": 0, "score": point.score} if isinstance(point, ScoredPoint) else shown
