"""The application: all routes, and what is around them."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

import postings
from postings_serve.guard import admit, check_query
from postings_serve.http import problems
from postings_serve.http.openapi import DescribedApi
from postings_serve.http.requests import Requests
from postings_serve.routes import (
    collections,
    dead_letters,
    documents,
    embed_sparse,
    facets,
    ingestion,
    jobs,
    judgements,
    qdrant_inference,
    search,
    status,
    web_page,
)
from postings_serve.schemas.common import ProblemDetails
from postings_serve.schemas.documents import DocumentsForm, PreviewForm, UploadForm
from postings_serve.services import Services

_SUMMARY = "Learned sparse retrieval on Qdrant: ingest documents, search them, and see why each hit scored"
_ROUTES = (
    search,
    facets,
    judgements,
    ingestion,
    documents,
    jobs,
    dead_letters,
    collections,
    status,
    embed_sparse,
    qdrant_inference,
)


def api() -> FastAPI:
    """The routes, and what OpenAPI says of them.

    Example:
        >>> api().openapi()["info"]["title"]
        'Postings'
    """
    app = DescribedApi(
        (ProblemDetails, DocumentsForm, UploadForm, PreviewForm),
        title="Postings",
        summary=_SUMMARY,
        version=postings.__version__,
        # The pages of Swagger UI and ReDoc load their code from elsewhere.
        docs_url=None,
        redoc_url=None,
        # Our own span of a request is enough, and nothing is sent unless the process sets up a provider.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    problems.install(app)
    for module in _ROUTES:
        app.include_router(module.router, dependencies=[Depends(check_query)])
    app.include_router(web_page.router)
    return app


def create_app(services: Services) -> ASGIApp:
    """The ASGI application of a service.

    Args:
        services: what the routes share; whoever made them closes them.
    """
    app = api()
    app.state.services = services
    return Requests(app, services, admit)
