"""``/v1/judgements``: which hits are right, and how good the collection's rankings are by that."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from postings.batching import batched
from postings_query.judgements import Changed, Judgement, Judgements, RankingQuality
from postings_query.judgements.quality import DEPTH
from postings_serve.guard import Caller, Reader, Shared, Writer
from postings_serve.http.answers import EVERY, WITH_BODY, json_answer, problems
from postings_serve.http.cancellation import answered
from postings_serve.http.problems import Problem
from postings_serve.schemas.common import CollectionParameter
from postings_serve.schemas.filters import MAX_VALUES_OF_BATCH, size
from postings_serve.schemas.judgements import (
    AFTER_PATTERN,
    MAX_JUDGEMENTS,
    EvaluateBody,
    Evaluated,
    JudgeBody,
    Judged,
    JudgementsPage,
)
from postings_serve.schemas.search import SearchOptions
from postings_serve.searching import search_client, searched
from postings_serve.services import Services

router = APIRouter(prefix="/v1/judgements", tags=["judgements"])

_TOGETHER = 8
"""Queries that an evaluation searches for before others get a turn."""


@router.get("", response_model=JudgementsPage, responses=problems(*EVERY))
async def list_judgements(
    request: Request,
    services: Shared,
    caller: Reader,
    collection: CollectionParameter = None,
    query: Annotated[
        str | None, Query(description="List only this query's; it must fit in an address", examples=["chasing prey"])
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_JUDGEMENTS, description="Judgements at most")] = 100,
    after: Annotated[str | None, Query(pattern=AFTER_PATTERN, description="List those after this `next`")] = None,
) -> Response:
    """List judgements of hits. They stay when the collection is dropped."""
    kept = _judgements(services, caller, collection)
    reading = asyncio.to_thread(kept.page, limit, after, query=query)
    found, following = await answered(request, reading, services.settings.serve_timeout)
    return json_answer({"judgements": [each.to_json() for each in found], "next": following})


@router.post("", response_model=Judged, responses=problems(*WITH_BODY, 404, 507))
async def judge(body: JudgeBody, request: Request, services: Shared, caller: Writer) -> Response:
    """Keep judgements of hits, or take them back: all of them or, after an error, none."""
    kept = _judgements(services, caller, body.collection)
    judgements = [Judgement(each.query, each.id, each.grade, caller.name) for each in body.judgements]

    def save() -> Changed:
        services.indexes.index(services.collection(body.collection))  # there is one
        return kept.save(judgements)

    saved = await answered(request, asyncio.to_thread(save), services.settings.serve_timeout)
    return json_answer(saved._asdict())


@router.post("/evaluate", response_model=Evaluated, responses=problems(*WITH_BODY, 404, 409))
async def evaluate(body: EvaluateBody, request: Request, services: Shared, caller: Reader) -> Response:
    """Search for the judged queries, and compare what is found with the judgements.

    Documents that aren't judged count as irrelevant. A caller's evaluations run one after another, and searches of
    others go first.
    """
    kept = _judgements(services, caller, body.collection)

    async def in_turn() -> dict[str, Any]:
        async with services.evaluations.of(caller.id):
            return await _evaluated(services, caller, body, kept)

    return json_answer(await answered(request, in_turn(), services.settings.serve_timeout))


async def _evaluated(services: Services, caller: Caller, body: EvaluateBody, kept: Judgements) -> dict[str, Any]:
    collection = services.collection(body.collection)
    grades = await asyncio.to_thread(kept.grades)
    judged_queries = len(grades)
    if body.queries is not None:
        grades = {query: grades.get(query, {}) for query in body.queries}
    queries = [query for query, graded in grades.items() if any(graded.values())]
    if body.limit is not None:
        queries = queries[::-1][: body.limit]
        grades = {query: grades[query] for query in queries}
    if body.filter is not None and size(body.filter) * len(queries) > MAX_VALUES_OF_BATCH:
        most = MAX_VALUES_OF_BATCH // len(queries)
        raise Problem(
            422, "invalid-request", f"for {len(queries):,} queries, a filter may have at most {most:,} values"
        )
    chosen = body.model_dump(include={*EvaluateBody.model_fields} - {"queries", "limit"})
    options = SearchOptions(**chosen, limit=DEPTH, group_by_document=True)
    client = await search_client(services, caller, options)
    models = {await asyncio.to_thread(lambda: client.model)} if not queries else set[str]()
    rankings: dict[str, list[str]] = {}
    while len(models) != 1:  # a switch of the model in between would mix the rankings of two
        models.clear()
        for some in batched(queries, _TOGETHER):
            for found in await searched(services, caller, options, some):
                models.add(found.hits.model)
                rankings[found.query] = [hit.id for hit in found.hits]
    quality = RankingQuality.of(rankings, grades)
    return {
        "collection": collection,
        "model": models.pop(),
        "ndcg_at_10": quality.ndcg_at_10,
        "judged_at_10": quality.judged_at_10,
        "queries": len(quality.by_query),
        "judged_queries": judged_queries,
        "left_out": quality.left_out,
        "by_query": [asdict(each) for each in quality.by_query],
    }


def _judgements(services: Services, caller: Caller, collection: str | None) -> Judgements:
    settings = services.indexes.settings_of(caller.tenant)
    if Judgements.path(settings) is None:
        reason = "the service was started without a file for judgements (POSTINGS_JUDGEMENTS)"
        raise Problem(400, "no-judgements", reason)
    return Judgements.of_settings(settings.of_collection(services.collection(collection)))
