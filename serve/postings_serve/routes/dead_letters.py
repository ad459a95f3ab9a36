"""``/v1/dead-letters``."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any, TypeAlias, TypeVar

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from postings_ingest import DeadLetters
from postings_ingest.queue.requeueing import requeue
from postings_serve.guard import Admin, Caller, Shared
from postings_serve.http.answers import WITH_BODY, json_answer, problems
from postings_serve.http.cancellation import answered_in_thread
from postings_serve.schemas.common import CollectionParameter
from postings_serve.schemas.dead_letters import (
    ID_PATTERN,
    MAX_LETTERS,
    Letter,
    Letters,
    PurgeBody,
    Purged,
    Retried,
    RetryBody,
)
from postings_serve.services import Services

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"], responses=problems(*WITH_BODY))

T = TypeVar("T")
Check: TypeAlias = Callable[[], None]


@router.get("", response_model=Letters)
async def list_dead_letters(
    request: Request,
    services: Shared,
    caller: Admin,
    collection: CollectionParameter = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LETTERS, description="Dead letters at most")] = 20,
    after: Annotated[str | None, Query(pattern=ID_PATTERN, description="List those after this one")] = None,
) -> Response:
    """List documents that could not be indexed, and why. The oldest come first."""

    def look(_: Check) -> dict[str, Any]:
        found = _letters(services, caller, collection).list(after)
        page = [each.to_json() for each in islice(found, limit)]
        return {"letters": page, "next": page[-1]["id"] if len(page) == limit else None}

    return json_answer(await _done(request, services, look))


@router.get("/{id}", response_model=Letter, responses=problems(404))
async def show_dead_letter(
    id: Annotated[str, Path(examples=["1700000000000-0"])],
    request: Request,
    services: Shared,
    caller: Admin,
    collection: CollectionParameter = None,
) -> Response:
    """Show a dead letter with its document."""

    def look(_: Check) -> dict[str, Any]:
        return _letters(services, caller, collection).get(id).to_json()

    return json_answer(await _done(request, services, look))


@router.post("/retry", response_model=Retried)
async def retry_dead_letters(body: RetryBody, request: Request, services: Shared, caller: Admin) -> Response:
    """Queue documents again, with their versions; their jobs count them as unfinished."""

    def retry(check: Check) -> dict[str, Any]:
        name = services.collection(body.collection)
        queue = services.queues.queue(name, caller.tenant)
        queued = 0
        refused: list[dict[str, str]] = []
        for id, error in requeue(queue, body.ids, force=body.force):
            if error is not None:
                refused.append({"id": id, "reason": str(error)})
                continue
            queued += 1
            if queued == 1:
                services.needs_worker(name)
            check()
        return {"queued": queued, "refused": refused}

    return json_answer(await _done(request, services, retry))


@router.post("/purge", response_model=Purged)
async def purge_dead_letters(body: PurgeBody, request: Request, services: Shared, caller: Admin) -> Response:
    """Delete dead letters for good."""

    def purge(_: Check) -> dict[str, Any]:
        letters = _letters(services, caller, body.collection)
        unknown = [id for id in dict.fromkeys(body.ids or ()) if id not in letters]
        named = None if body.ids is None else [id for id in body.ids if id not in unknown]
        return {"purged": letters.purge(named), "not_found": unknown}

    return json_answer(await _done(request, services, purge))


def _letters(services: Services, caller: Caller, collection: str | None) -> DeadLetters:
    return DeadLetters(services.queues.ledger(services.collection(collection), caller.tenant))


async def _done(request: Request, services: Services, work: Callable[[Check], T]) -> T:
    return await answered_in_thread(request, work, services.settings.serve_timeout)
