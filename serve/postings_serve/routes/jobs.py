"""``/v1/jobs`` and their events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse

from postings.errors import JobNotFound
from postings_ingest import Counts, Job, Ledger
from postings_ingest.queue.job import job_fields
from postings_serve.guard import Caller, Reader, Shared
from postings_serve.http.answers import EVERY, json_answer, problems
from postings_serve.http.cancellation import answered
from postings_serve.http.problems import RETRY_SECONDS
from postings_serve.schemas.common import CollectionParameter
from postings_serve.schemas.jobs import Jobs, JobState
from postings_serve.services import Services

router = APIRouter(prefix="/v1", tags=["jobs"], responses=problems(*EVERY))

MAX_JOBS = 100

_Id = Annotated[
    str,
    Path(description="As the answer to `POST /v1/documents` names it", examples=["5f0c1c9b3d2e4f6a8b7c9d0e1f2a3b4c"]),
]


class _Events(StreamingResponse):
    media_type = "text/event-stream"


_EXAMPLE = """\
event: counts
data: {"job":"5f0c","submitted":256,"indexed":64,"superseded":0,"deleted":0,"failed":0,"unchanged":0,"finished":false}

event: finished
data: {"job":"5f0c","submitted":256,"indexed":256,"superseded":0,"deleted":0,"failed":0,"unchanged":0,"finished":true}

"""


@router.get("/jobs", response_model=Jobs)
async def list_jobs(
    request: Request,
    services: Shared,
    caller: Reader,
    collection: CollectionParameter = None,
    limit: Annotated[int, Query(ge=1, le=MAX_JOBS, description="Jobs at most")] = 20,
) -> Response:
    """List the jobs of a collection that were updated last. A key of a tenant sees the tenant's jobs alone."""

    def look() -> list[dict[str, Any]]:
        ledger = services.queues.ledger(services.collection(collection), caller.tenant)
        names = ledger.latest_jobs(limit)
        found = zip(names, ledger.counts_of(names), strict=True)
        return [job_fields(name, counts) for name, counts in found if counts is not None]

    found = await answered(request, asyncio.to_thread(look), services.settings.serve_timeout)
    return json_answer({"jobs": found})


@router.get("/jobs/{id}", response_model=JobState, responses=problems(404))
async def show_job(
    id: _Id, request: Request, services: Shared, caller: Reader, collection: CollectionParameter = None
) -> Response:
    """Say what became of the documents of a job so far. Jobs are kept for 30 days."""
    return json_answer(job_fields(id, await _counts(request, services, caller, id, collection)))


@router.get(
    "/jobs/{id}/events",
    response_class=_Events,
    responses={
        **problems(404),
        200: {
            "description": "Server-sent events: `counts` each time they change; the last one is `finished`, or `lost` "
            "if Redis has lost the job",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
    },
)
async def follow_job(
    id: _Id, request: Request, services: Shared, caller: Reader, collection: CollectionParameter = None
) -> Response:
    """Follow a job: an event each time that its counts change, until it is finished.

    If the service stops before, the stream ends with a `retry`: connect again. It also ends when the key is revoked.
    """
    counts = await _counts(request, services, caller, id, collection)
    events = _events(services, caller, services.collection(collection), id, counts)
    return _Events(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def _counts(request: Request, services: Services, caller: Caller, id: str, collection: str | None) -> Counts:
    def look() -> Counts:
        ledger: Ledger = services.queues.ledger(services.collection(collection), caller.tenant)
        return Job(ledger, id).progress()

    return await answered(request, asyncio.to_thread(look), services.settings.serve_timeout)


async def _events(services: Services, caller: Caller, collection: str, id: str, counts: Counts) -> AsyncIterator[bytes]:
    try:
        async for found in services.job_events.follow(collection, id, counts):
            if services.keys.required and caller.id not in {key.id for key in services.keys.all()}:
                yield b": the key was revoked\n\n"
                return
            if found is None:
                yield KEEPALIVE_COMMENT
                continue
            data = to_json(job_fields(id, found)).decode()
            yield format_sse_event(event="counts", data_str=data)
            if found.finished:
                yield format_sse_event(event="finished", data_str=data)
                return
    except JobNotFound as error:
        yield format_sse_event(event="lost", data_str=to_json({"job": id, "reason": str(error)}).decode())
        return
    yield format_sse_event(retry=1000 * RETRY_SECONDS, comment="the service is about to stop")
