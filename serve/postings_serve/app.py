"""The application: all routes, and what is around them."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp

import postings
from postings_serve import problems
from postings_serve.bodies import MAX_BODY
from postings_serve.requests import Requests
from postings_serve.routes import dead_letters, documents, ingestion, jobs, search
from postings_serve.services import Services

_SUMMARY = "Learned sparse retrieval on Qdrant: ingest documents, search them, and see why each hit scored"


def create_app(services: Services) -> ASGIApp:
    """The ASGI application of a service.

    Args:
        services: what the routes share; whoever made them closes them.
    """
    app = FastAPI(
        title="Postings",
        summary=_SUMMARY,
        version=postings.__version__,
        max_body_size=MAX_BODY,
        # The pages of Swagger UI and ReDoc load their code from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    problems.install(app, services)
    for module in (search, ingestion, documents, jobs, dead_letters):
        app.include_router(module.router)
    return Requests(app, services)
