"""``/v1/facets``: what there is to filter by."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from fastapi import APIRouter, Request
from starlette.responses import Response

from postings_query.facets import Facets
from postings_query.facets import facets as counted
from postings_serve.guard import Reader, Shared
from postings_serve.http.answers import WITH_BODY, json_answer, problems
from postings_serve.http.cancellation import answered
from postings_serve.schemas.facets import FacetsAnswer, FacetsBody

router = APIRouter(prefix="/v1", tags=["search"])


@router.post("/facets", response_model=FacetsAnswer, responses=problems(*WITH_BODY, 404))
async def facets(body: FacetsBody, request: Request, services: Shared, caller: Reader) -> Response:
    """Count the values of metadata fields, in documents that match a filter."""
    name = services.collection(body.collection)

    def count() -> Facets:
        index = services.indexes.seen_by(caller.tenant, name)
        return counted(index, body.fields, body.filter, limit=body.limit)

    found = await answered(request, asyncio.to_thread(count), services.settings.serve_timeout)
    return json_answer({"collection": name, **asdict(found)})
