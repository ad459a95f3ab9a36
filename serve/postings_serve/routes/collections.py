"""``/v1/collections``: what there is to search, and with which model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from postings import Index
from postings.collection_names import PATTERN
from postings.collections import Collections
from postings.index.models import CollectionModels
from postings.model_states import check_complete, model_states, roll_back
from postings_serve.guard import Admin, Caller, Reader, Shared, check_all_tenants
from postings_serve.http.answers import EVERY, WITH_BODY, json_answer, problems
from postings_serve.http.cancellation import answered
from postings_serve.schemas.collections import Collection, CollectionNames, Models, SwitchBody, Switched
from postings_serve.search.indexes import found_model
from postings_serve.services import Services

router = APIRouter(prefix="/v1/collections", tags=["collections"])

_Name = Annotated[str, Path(pattern=f"^{PATTERN}$", examples=["animals"])]


@router.get("", response_model=CollectionNames, responses=problems(*EVERY))
async def list_collections(services: Shared, caller: Reader) -> Response:
    """List the collections."""
    check_all_tenants(caller)
    names = await asyncio.to_thread(lambda: Collections(services.settings).names())
    return json_answer({"collections": names})


@router.get("/{name}", response_model=Collection, responses=problems(*EVERY, 404))
async def show_collection(name: _Name, request: Request, services: Shared, caller: Reader) -> Response:
    """Say what a collection holds, of the key's tenant if it has one."""

    def look(index: Index) -> dict[str, Any]:
        return Collection.of(index).model_dump()

    return json_answer(await _with_index(request, services, caller, name, look))


@router.get("/{name}/models", response_model=Models, responses=problems(*EVERY, 404))
async def list_models(name: _Name, request: Request, services: Shared, caller: Reader) -> Response:
    """List the models of a collection, and which of them is searched."""

    def look(index: Index) -> dict[str, Any]:
        return {"collection": name, "models": [asdict(each) for each in model_states(index)]}

    return json_answer(await _with_index(request, services, caller, name, look))


@router.post("/{name}/models/switch", response_model=Switched, responses=problems(*WITH_BODY, 404, 409))
async def switch_model(name: _Name, body: SwitchBody, request: Request, services: Shared, caller: Admin) -> Response:
    """Search another model of the collection from now on."""
    check_all_tenants(caller)

    def change(index: Index) -> dict[str, Any]:
        models = index.models()
        chosen = found_model(models, body.model, name)
        if not body.allow_missing:
            check_complete(index, models, chosen)
        return _switched(name, index.switch_model(chosen))

    return json_answer(await _with_index(request, services, caller, name, change))


@router.post("/{name}/models/rollback", response_model=Switched, responses=problems(*EVERY, 404, 409))
async def roll_back_model(name: _Name, request: Request, services: Shared, caller: Admin) -> Response:
    """Search the previous model again."""
    check_all_tenants(caller)
    return json_answer(
        await _with_index(request, services, caller, name, lambda index: _switched(name, roll_back(index)))
    )


async def _with_index(
    request: Request, services: Services, caller: Caller, name: str, work: Callable[[Index], dict[str, Any]]
) -> dict[str, Any]:
    found = asyncio.to_thread(lambda: work(services.indexes.seen_by(caller.tenant, name)))
    return await answered(request, found, services.settings.serve_timeout)


def _switched(name: str, models: CollectionModels) -> dict[str, Any]:
    return {
        "collection": name,
        "active": models.active,
        "previous": models.previous,
        "models": dict(models.names),
    }
