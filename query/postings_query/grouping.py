"""Choosing hits: passages, or the best passage of each document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from postings.index import Filter, ScoredPoint, SearchRequest
from postings.index.payload import DocumentKey, document_key, is_passage, of_keys
from postings_query import index_calls
from postings_query.index_calls import IndexCalls

_POINTS_PER_HIT = 2


def best_of_documents(
    requests: Sequence[SearchRequest], most: int, *, consistent: bool
) -> IndexCalls[list[list[ScoredPoint]]]:
    """Answer requests whose ``limit`` and ``offset`` count documents.

    Passages are ordered by score, then by id, so the first passage of a document is its best. Growing numbers of them
    are read until enough documents are among them: the result is exact, and the same on every engine.

    Args:
        requests: the requests.
        most: the most passages to read for one request.
        consistent: see :meth:`postings.Index.search`.
    """
    found: list[list[ScoredPoint]] = [[] for _ in requests]
    rest = dict(enumerate(replace(each, offset=0, limit=each.offset + each.limit) for each in requests))
    while rest:
        answers = yield from _chosen([*rest.values()], most, _best_passages, consistent=consistent)
        rest, asked = {}, rest
        for (at, request), (best, is_all) in zip(asked.items(), answers, strict=True):
            found[at] += best
            # A few large documents may have the best passages, as many as are read: the others are then asked for.
            # But not where scores are made of ranks, which are others among fewer documents.
            if best and not is_all and (request.words is None or request.words.fusion == "sum"):
                rest[at] = _without(request, best)
    return [points[each.offset : each.offset + each.limit] for each, points in zip(requests, found, strict=True)]


def passages(requests: Sequence[SearchRequest], most: int, *, consistent: bool) -> IndexCalls[list[list[ScoredPoint]]]:
    """Answer requests whose ``limit`` and ``offset`` count passages; the arguments are the same.

    Other points, which another client may have written, are no hits.
    """
    answers: list[list[ScoredPoint]] = [*(yield index_calls.search(requests, consistent=consistent))]
    if mixed := [at for at, points in enumerate(answers) if len(_passages(points)) < len(points)]:
        again = yield from _chosen([requests[at] for at in mixed], most, _passages, consistent=consistent)
        for at, (points, _) in zip(mixed, again, strict=True):
            answers[at] = points
    return answers


def _chosen(
    requests: Sequence[SearchRequest],
    most: int,
    choose: Callable[[Sequence[ScoredPoint]], list[ScoredPoint]],
    *,
    consistent: bool,
) -> IndexCalls[list[tuple[list[ScoredPoint], bool]]]:
    """For each request, its page of chosen points, and whether there are no more, or enough."""
    answers: dict[int, tuple[list[ScoredPoint], bool]] = {}
    wanted = [request.offset + request.limit for request in requests]
    sizes = [min(want * _POINTS_PER_HIT, most) for want in wanted]
    open_requests = list(range(len(requests)))
    while open_requests:
        batch = [replace(requests[at], limit=sizes[at], offset=0) for at in open_requests]
        unanswered = []
        for at, points in zip(open_requests, (yield index_calls.search(batch, consistent=consistent)), strict=True):
            best = choose(points)
            is_all = len(best) >= wanted[at] or len(points) < sizes[at]
            if is_all or sizes[at] >= most:
                answers[at] = best[requests[at].offset : wanted[at]], is_all
            else:
                sizes[at] = min(sizes[at] * 4, most)
                unanswered.append(at)
        open_requests = unanswered
    return [answers[at] for at in range(len(requests))]


def _without(request: SearchRequest, found: Sequence[ScoredPoint]) -> SearchRequest:
    """The request for as many documents as are missing, other than these."""
    others: Filter = {"must_not": [of_keys(document_key(point.payload) for point in found)]}
    filter = others if request.filter is None else {"must": [request.filter, others]}
    return replace(request, limit=request.limit - len(found), filter=filter)


def _passages(points: Sequence[ScoredPoint]) -> list[ScoredPoint]:
    return [point for point in points if is_passage(point.payload)]


def _best_passages(points: Sequence[ScoredPoint]) -> list[ScoredPoint]:
    best: dict[DocumentKey, ScoredPoint] = {}
    for point in _passages(points):
        best.setdefault(document_key(point.payload), point)
    return list(best.values())
