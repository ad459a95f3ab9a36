"""``POST /v1/documents`` and ``/v1/documents/preview``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from postings import Document
from postings.errors import CollectionNotFound, PostingsError
from postings.index.tenants import settings_of_tenant
from postings_ingest.tenants import Tenants
from postings_serve.guard import Caller, Shared, Writer
from postings_serve.http.answers import WITH_BODY, json_answer, problems
from postings_serve.http.bodies import parsed, whole_body
from postings_serve.http.cancellation import Check, timed_out, waited_for, went_away
from postings_serve.http.openapi import reference, request_body
from postings_serve.http.problems import Problem
from postings_serve.schemas.common import CollectionParameter
from postings_serve.schemas.documents import (
    DocumentsBody,
    DocumentsForm,
    Preview,
    PreviewFields,
    PreviewForm,
    Submitted,
    UploadForm,
)
from postings_serve.services import Services
from postings_serve.submission.json_lines import queue_lines
from postings_serve.submission.previews import preview
from postings_serve.submission.records import documents_of
from postings_serve.submission.submission import Submission
from postings_serve.submission.uploads import uploaded

router = APIRouter(prefix="/v1", tags=["documents"], responses=problems(*WITH_BODY, 507))

_LINES = '{"id": "cheetah", "text": "A cheetah is running behind its prey."}\n{"id": "monkey", "text": "…"}\n'
_BODY = request_body(
    {
        "application/json": {"schema": reference(DocumentsForm)},
        "application/x-ndjson": {"schema": {"type": "string", "examples": [_LINES]}},
        "application/jsonl": {"schema": {"type": "string", "examples": [_LINES]}},
        "multipart/form-data": {"schema": reference(UploadForm)},
    }
)


@router.post("/documents", status_code=202, response_model=Submitted, openapi_extra=_BODY)
async def add_documents(
    request: Request, services: Shared, caller: Writer, collection: CollectionParameter = None
) -> Response:
    """Queue documents, which workers index; follow them by the job that the answer names.

    They come as JSON, up to 1,000 at once: if one is wrong, none is accepted; as JSON Lines, a stream of any
    length; or as a file in a form, of any format that `postings ingest` reads. In a stream or a file, a record that
    can't be used is counted and named, and the others are queued.

    While the queue is full, a stream waits; after a while, the answer is 429. It says how many documents were accepted
    (`submitted`), as which `job`, and the line to go on from (`next`). If the client goes away, what was accepted stays
    accepted.
    """
    try:
        match _type(request):
            case "application/json":
                return await _from_json(request, services, caller, collection)
            case "application/x-ndjson" | "application/jsonl":
                name = services.collection(collection)
                return await _queued(services, caller, name, lambda to: queue_lines(request, to, services.draining))
            case "multipart/form-data":
                return await _from_form(request, services, caller, collection)
            case other:
                expected = "application/json, application/x-ndjson or multipart/form-data"
                raise Problem(415, "content-type", f"expected documents as {expected}, got {other!r:.100}")
    except ClientDisconnect as error:
        raise went_away() from error


@router.post(
    "/documents/preview",
    response_model=Preview,
    openapi_extra=request_body({"multipart/form-data": {"schema": reference(PreviewForm)}}),
)
async def preview_documents(request: Request, services: Shared, caller: Writer) -> Response:
    """Show how a file would be read: its fields, and the first five documents of its first 16 MiB. Nothing is queued.

    If a column that is needed isn't there, that is a rejection of line 0, and `fields` has those to choose from.
    """
    if _type(request) != "multipart/form-data":
        raise Problem(415, "content-type", f"expected a file as multipart/form-data, got {_type(request)!r:.100}")
    tenants = Tenants.of_settings(settings_of_tenant(services.settings, caller.tenant))
    try:
        async with (
            uploaded(request, PreviewFields) as upload,
            waited_for(request, services.draining) as check,
            asyncio.timeout(services.settings.serve_timeout),
            services.previews,
        ):
            return json_answer(await asyncio.to_thread(preview, upload, tenants, check))
    except TimeoutError as error:
        raise timed_out(services.settings.serve_timeout) from error
    except ClientDisconnect as error:
        raise went_away() from error


def _type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _from_json(request: Request, services: Services, caller: Caller, collection: str | None) -> Response:
    body = await whole_body(request, services.settings.serve_timeout)
    tenants = Tenants.of_settings(settings_of_tenant(services.settings, caller.tenant))

    def read() -> tuple[str, list[Document]]:
        found = parsed(body, DocumentsBody)
        return _collection(services, collection, found.collection), documents_of(found.documents, tenants)

    name, documents = await asyncio.to_thread(read)
    # While the queue is full, the client can wait by itself: it has all of them.
    return await _queued(services, caller, name, lambda to: to.add(iter(documents)), patience=0)


async def _from_form(request: Request, services: Services, caller: Caller, collection: str | None) -> Response:
    async with uploaded(request) as upload, waited_for(request, services.draining) as check:
        return await _queued(
            services,
            caller,
            _collection(services, collection, upload.fields.collection),
            lambda to: to.add(upload.documents(to.reject, check)),
            check=check,
        )


def _collection(services: Services, parameter: str | None, field: str | None) -> str:
    """The collection that a parameter or a field of the body names.

    Raises:
        Problem: 422, they name two.
    """
    if None not in (parameter, field) and parameter != field:
        detail = f"the parameter 'collection' is {parameter!r}, but the body's is {field!r}: name one"
        raise Problem(422, "invalid-request", detail)
    return services.collection(field if parameter is None else parameter)


async def _queued(
    services: Services,
    caller: Caller,
    collection: str,
    fill: Callable[[Submission], Awaitable[None]],
    *,
    patience: float | None = None,
    check: Check = lambda: None,
) -> Response:
    """Queue what ``fill`` adds to a submission, and answer."""
    await asyncio.to_thread(_check_may_create, services, caller, collection)
    queue = await asyncio.to_thread(services.queues.queue, collection, caller.tenant)
    seconds = services.settings.serve_timeout if patience is None else patience
    submission = Submission(queue, seconds, lambda: services.needs_worker(collection), check)
    try:
        await fill(submission)
        await submission.flush()
    except (PostingsError, Problem) as error:
        raise submission.problem(error) from error
    if (problem := submission.nothing()) is not None:
        raise problem
    fields = submission.fields()
    place = "" if collection == services.settings.collection else f"?collection={collection}"
    return json_answer(fields, 202, {"Location": f"/v1/jobs/{fields['job']}{place}"})


def _check_may_create(services: Services, caller: Caller, collection: str) -> None:
    """Check that documents are added to a collection that there is, or by an administrator, as each takes a worker."""
    if collection == services.settings.collection or "admin" in caller.scopes:
        return
    if services.queues.ledger(collection, None).latest_jobs(1):  # its first documents may still be queued
        return
    try:
        services.indexes.index(collection)
    except CollectionNotFound as error:
        raise Problem(
            403,
            "scope-needed",
            f"there is no collection {collection!r}, and to create one, a key needs the scope 'admin' beside 'write'",
        ) from error
