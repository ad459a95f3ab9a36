"""``/v1/documents/{id}`` and ``/v1/documents/delete``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from postings import Index
from postings.collection_models import load_model
from postings.documents import MAX_ID_LENGTH, MAX_VERSION
from postings.errors import ModelError
from postings.indexed_documents import get_document
from postings.passage_weights import document_fields, heaviest
from postings_ingest.deletion import delete, delete_matching, matching_documents
from postings_serve.guard import Reader, Shared, Writer
from postings_serve.http import document_ids  # noqa: F401 - for the paths
from postings_serve.http.answers import WITH_BODY, json_answer, problems
from postings_serve.http.cancellation import answered_in_thread
from postings_serve.http.problems import Problem
from postings_serve.schemas.common import CollectionParameter
from postings_serve.schemas.documents import (
    MAX_WEIGHTS,
    DeleteBody,
    Deleted,
    DeletedMatching,
    Matching,
    ShownDocument,
)
from postings_serve.services import Services

router = APIRouter(prefix="/v1", tags=["documents"], responses=problems(*WITH_BODY, 404, 409, 507))

T = TypeVar("T")

_FIRST = 20

_Id = Annotated[
    str,
    Path(
        min_length=1,
        max_length=MAX_ID_LENGTH,
        description="The document's id: any text, percent-encoded; slashes may stay",
        examples=["cheetah"],
    ),
]


_Weights = Annotated[
    int | None, Query(ge=1, le=MAX_WEIGHTS, description="Show so many weights of each passage; by default none")
]


@router.get("/documents/{id:document}", response_model=ShownDocument)
async def show_document(
    id: _Id,
    request: Request,
    services: Shared,
    caller: Reader,
    collection: CollectionParameter = None,
    weights: _Weights = None,
) -> Response:
    """Show a document and its passages."""
    name = services.collection(collection)

    def show(index: Index, _: Callable[[], None]) -> dict[str, Any]:
        return _shown(services, index, id, weights)

    return json_answer(await _done(request, services, name, caller.tenant, show))


@router.get("/documents", response_model=ShownDocument)
async def show_document_of_any_id(
    id: Annotated[str, Query(min_length=1, max_length=MAX_ID_LENGTH, description="The document's id: any text")],
    request: Request,
    services: Shared,
    caller: Reader,
    collection: CollectionParameter = None,
    weights: _Weights = None,
) -> Response:
    """Show a document as `/v1/documents/{id}` does, also one that is called `.` or `..`.

    Browsers and most clients leave such a part out of a path.
    """
    return await show_document(id, request, services, caller, collection, weights)


@router.delete("/documents/{id:document}", response_model=Deleted)
async def delete_document(
    id: _Id,
    request: Request,
    services: Shared,
    caller: Writer,
    collection: CollectionParameter = None,
    version: Annotated[
        int | None,
        Query(ge=0, le=MAX_VERSION, description="Of the delete, by default the time in ms: a newer version stays"),
    ] = None,
) -> Response:
    """Delete a document. An older version that arrives later doesn't bring it back."""
    body = DeleteBody(collection=collection, ids=[id], version=version)
    return json_answer(await _deleted(request, services, caller.tenant, body))


@router.post("/documents/delete", response_model=Deleted | DeletedMatching | Matching)
async def delete_documents(body: DeleteBody, request: Request, services: Shared, caller: Writer) -> Response:
    """Delete documents by their ids, or all that match a filter.

    If this takes too long, or the client goes away, documents that were deleted before stay deleted: ask again.
    """
    return json_answer(await _deleted(request, services, caller.tenant, body))


async def _deleted(request: Request, services: Services, tenant: str | None, body: DeleteBody) -> Mapping[str, Any]:
    def work(index: Index, check: Callable[[], None]) -> Mapping[str, Any]:
        if body.filter is None:
            return delete(index, body.ids or [], body.version).to_json()
        if body.dry_run:
            return _matching(index, body.filter, check)
        return delete_matching(index, body.filter, body.version, lambda _: check()).to_json()

    return await _done(request, services, services.collection(body.collection), tenant, work)


async def _done(
    request: Request,
    services: Services,
    collection: str,
    tenant: str | None,
    work: Callable[[Index, Callable[[], None]], T],
) -> T:
    """Run work on a tenant's part of a collection."""
    return await answered_in_thread(
        request,
        lambda check: work(services.indexes.part(collection, tenant), check),
        services.settings.serve_timeout,
    )


def _shown(services: Services, index: Index, id: str, most: int | None) -> dict[str, Any]:
    models = index.models()
    found = get_document(index, id, vectors=[models.active] if most else [])
    if found is None:
        detail = f"there is no document {id!r} in collection {index.collection!r}, or it is only partly stored"
        raise Problem(404, "document-not-found", detail)
    if most is None:
        return document_fields(found, models.active, None)
    try:
        encoder = load_model(models, models.active, services.settings)
    except ModelError:  # it isn't on this machine, so its tokens are shown by numbers
        encoder = None
    weights = [heaviest(each.get(models.active), encoder, most) for each in found.vectors]
    return document_fields(found, models.active, weights)


def _matching(index: Index, filter: Mapping[str, Any], check: Callable[[], None]) -> dict[str, Any]:
    found = 0
    first: list[str] = []
    for id in matching_documents(index, dict(filter)):
        found += 1
        if len(first) < _FIRST:
            first.append(id)
        check()
    return {"matching": found, "first": first}
