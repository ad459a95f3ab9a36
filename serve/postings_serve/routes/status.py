"""``/v1/whoami``, ``/v1/status``, and what orchestrators and Prometheus ask: health, readiness, metrics."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from postings import PostingsError
from postings.errors import BrokerUnavailable, ConfigurationError
from postings_ingest.queue.status import queue_status
from postings_serve.about import about_caller, about_service
from postings_serve.guard import Anybody, Reader, Shared, check_all_tenants
from postings_serve.http.answers import EVERY, json_answer, problems
from postings_serve.http.problems import problem_of
from postings_serve.schemas.common import Collection
from postings_serve.schemas.status import Caller, Health, Status
from postings_serve.services import Services

router = APIRouter(tags=["status"])


@router.get("/v1/whoami", response_model=Caller, responses=problems(*EVERY))
async def whoami(services: Shared, caller: Anybody) -> Response:
    """Show who asks, what they may do, and what the service has."""
    return json_answer(about_caller(services, caller))


@router.get("/v1/status", response_model=Status, responses=problems(*EVERY))
async def status(services: Shared, caller: Reader, collection: Collection = None) -> Response:
    """Show the service, and the queue, workers and jobs of a collection."""
    check_all_tenants(caller)
    name = services.collection(collection)
    queue, problem = await asyncio.to_thread(_queue, services, name)
    return json_answer(
        {
            **about_service(services),
            "collection": name,
            "queue": queue,
            "queue_problem": problem,
        }
    )


@router.get("/healthz", response_model=Health, responses=problems(403, 421, 422))
async def healthz() -> Response:
    """Say that the process runs."""
    return json_answer({"status": "ok", "detail": ""})


@router.get("/readyz", response_model=Health, responses=problems(403, 421, 422, others={503: Health}))
async def readyz(services: Shared) -> Response:
    """Say whether the service can search."""
    if services.draining.is_set():
        return json_answer({"status": "draining", "detail": "the service is about to stop"}, 503)
    try:
        await asyncio.to_thread(services.indexes.check)
    except PostingsError as error:
        detail = problem_of(error, services.settings.secrets()).detail
        return json_answer({"status": "not ready", "detail": detail}, 503)
    return json_answer({"status": "ok", "detail": ""})


@router.get("/metrics", response_class=Response, responses=problems(*EVERY))
async def metrics(services: Shared, caller: Reader) -> Response:
    """Give the metrics to Prometheus."""
    check_all_tenants(caller)
    return Response(await asyncio.to_thread(services.metrics.text), media_type="text/plain; version=0.0.4")


def _queue(services: Services, collection: str) -> tuple[dict[str, Any] | None, str | None]:
    try:
        found = queue_status(services.queues.ledger(collection, None))
    except (BrokerUnavailable, ConfigurationError) as error:
        return None, problem_of(error, services.settings.secrets()).detail
    return {**asdict(found), "documents_per_second": sum(each.documents_per_second for each in found.workers)}, None
