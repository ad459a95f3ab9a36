"""Answers in JSON, and how OpenAPI describes those that are errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic_core import to_json
from starlette.responses import Response

from postings_serve.http.openapi import reference
from postings_serve.http.problems import MEDIA_TYPE
from postings_serve.schemas.common import ProblemDetails


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A value as JSON, without the checks that FastAPI makes of answers: they take longer than a search."""
    return Response(to_json(value), status, headers, "application/json")


Responses: TypeAlias = dict[int | str, dict[str, Any]]
"""Answers by status, as FastAPI takes them."""


def problems(*statuses: int, others: Mapping[int, type[BaseModel]] | None = None) -> Responses:
    """The errors that a route may answer with, for OpenAPI.

    Args:
        statuses: of the problems.
        others: by status, errors in another form, which the route makes by itself.
    """
    found: Responses = {}
    for each in sorted({*statuses, *(others or {})}):
        content = {MEDIA_TYPE: {"schema": reference(ProblemDetails)}} if each in statuses else {}
        found[each] = {"description": _WHEN[each], "content": content}
        if others and each in others:
            found[each]["model"] = others[each]
    return found


EVERY = (400, 401, 403, 421, 422, 429, 500, 503, 504)
"""What any route may answer."""

WITH_BODY = (*EVERY, 408, 413, 415)
"""What a route that reads a body may answer."""

_WHEN = {
    400: "The request can't be used",
    401: "An API key is needed",
    403: "The key lacks the scope, or the resource is another tenant's",
    404: "There is no such thing",
    408: "The body didn't come in time",
    409: "The state of the collection doesn't allow this",
    413: "The body is too large",
    415: "The body isn't of a type that is read",
    424: "The model or the index failed",
    421: "Without API keys, the host must be this machine's",
    422: "A field is missing or has a wrong value",
    429: "Too many requests, or the queue is full: wait for `Retry-After` seconds",
    500: "A bug, or a wrong configuration of the service",
    501: "The service lacks an optional dependency",
    502: "Qdrant refuses the service's key",
    503: "The index or Redis can't be reached now: wait for `Retry-After` seconds",
    504: "This took too long",
    507: "The disk is full",
}
