"""``/v1/search``, ``/v1/search/batch``, ``/v1/search/qdrant-request`` and ``/v1/explain``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from postings_query import Hit, Hits
from postings_serve.guard import Caller, Reader, Shared
from postings_serve.http.answers import WITH_BODY, json_answer, problems
from postings_serve.http.cancellation import answered
from postings_serve.schemas.search import (
    BatchAnswer,
    BatchBody,
    ExplainAnswer,
    ExplainBody,
    QdrantRequest,
    SearchAnswer,
    SearchBody,
    SearchOptions,
    WeightedQuery,
    query_of,
)
from postings_serve.search.searches import Answer
from postings_serve.searching import search_options, searched
from postings_serve.services import Services

router = APIRouter(prefix="/v1", tags=["search"], responses=problems(*WITH_BODY, 404, 409))


@router.post("/search", response_model=SearchAnswer)
async def search(body: SearchBody, request: Request, services: Shared, caller: Reader) -> Response:
    """Find the passages with the highest scores for a query."""
    found = await _found(request, services, caller, body, [body.query])
    return json_answer(_fields(found[0], services.collection(body.collection), explain=body.explain))


@router.post("/search/batch", response_model=BatchAnswer)
async def search_batch(body: BatchBody, request: Request, services: Shared, caller: Reader) -> Response:
    """Search for several queries with the same options."""
    found = await _found(request, services, caller, body, body.queries)
    name = services.collection(body.collection)
    return json_answer({"answers": [_fields(each, name, explain=body.explain) for each in found]})


@router.post("/search/qdrant-request", response_model=QdrantRequest)
async def qdrant_request(body: SearchBody, request: Request, services: Shared, caller: Reader) -> Response:
    """Show what a search sends to a Qdrant server, with the tenant's filter; nothing is searched.

    Hits with equal scores are in Qdrant's order. To group by document, the search asks for more passages than
    documents and groups the answer by itself; this is the first that it asks for.
    """
    options = search_options(services, body)
    name = services.collection(body.collection)

    def made() -> dict[str, Any]:
        asked = services.indexes.asked(name, caller.tenant, body.model, query_of(body.query), **options)
        # qdrant-client takes a second to import.
        from postings.index.server.rest_requests import search_request

        return search_request(name, asked, consistent=body.consistent)

    return json_answer(await answered(request, asyncio.to_thread(made), services.settings.serve_timeout))


@router.post("/explain", response_model=ExplainAnswer)
async def explain(body: ExplainBody, request: Request, services: Shared, caller: Reader) -> Response:
    """Say why the best passages of documents have their scores, also those that a search would show far down."""
    every = list(dict.fromkeys(body.ids))
    left, hits, model = every, list[Hit](), ""
    # A search reads 10,000 passages at most: those of a few long documents hide others, so it asks for these again.
    while True:
        options = SearchOptions(
            collection=body.collection,
            model=body.model,
            limit=len(left),
            filter={"must": [{"key": "doc_id", "match": {"any": left}}]},
            group_by_document=True,
            explain=True,
            words=body.words,
        )
        found = (await _found(request, services, caller, options, [body.query]))[0]
        if hits and found.hits.model != model:  # switched meanwhile: its scores can't be compared with the others
            left, hits = every, []
            continue
        model = found.hits.model
        hits += found.hits
        have = {hit.id for hit in found.hits}
        left = [id for id in left if id not in have]
        if not have or not left:
            break
    best = sorted(hits, key=lambda hit: -hit.score)
    best_first = replace(found, hits=Hits(best, found.hits.model, found.hits.terms))
    fields = _fields(best_first, services.collection(body.collection), explain=True)
    return json_answer({**fields, "without_score": left})


async def _found(
    request: Request, services: Services, caller: Caller, body: SearchOptions, queries: Sequence[str | WeightedQuery]
) -> list[Answer]:
    return await answered(request, searched(services, caller, body, queries), services.settings.serve_timeout)


def _fields(found: Answer, collection: str, *, explain: bool) -> dict[str, Any]:
    return {
        "query": found.query,
        "query_tokens_left_out": found.left_out,
        "collection": collection,
        "model": found.hits.model,
        **({"terms": [each.to_json() for each in found.hits.terms]} if explain else {}),
        "hits": [hit.to_json(explain=explain) for hit in found.hits],
    }
