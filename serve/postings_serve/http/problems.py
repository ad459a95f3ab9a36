"""Errors as RFC 9457 problem details.

Each error of :mod:`postings.errors` has a status here; those that aren't named have that of their parent in the tree.
"""

from __future__ import annotations

import http
import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from postings import errors
from postings.secrets import without_secrets

if TYPE_CHECKING:
    from postings_serve.services import Services

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

RETRY_SECONDS = 1
"""What ``Retry-After`` says of an error that the same request may not meet later."""

STATUS: Mapping[type[errors.PostingsError], int] = {
    errors.PostingsError: 500,
    errors.InvalidInput: 400,
    errors.ReaderError: 400,
    errors.MissingExtra: 501,
    errors.SwitchRefused: 409,
    errors.ModelMismatch: 409,
    errors.CollectionNotFound: 404,
    errors.CollectionExists: 409,
    errors.IndexLocked: 503,
    errors.IndexRejected: 400,
    errors.AccessDenied: 502,
    errors.IndexUnavailable: 503,
    errors.StorageFull: 507,
    errors.JobNotFound: 404,
    errors.DeadLetterNotFound: 404,
    errors.TooOldToRetry: 409,
    errors.JobUnfinished: 504,
    errors.QueueFull: 429,
    errors.BrokerUnavailable: 503,
}

_VALUE_LENGTH = 100
_ERRORS = 20
_INTERNAL = {500, 502, 503, 507}  # of errors whose text has addresses and paths of the service
_FIELD = re.compile(r"[^(\[]*")


class Problem(Exception):
    """A request that can't be answered, for a reason that is HTTP's own: a key, a limit, something that isn't there.

    Args:
        status: the HTTP status.
        error: the name of the problem, in words joined by hyphens.
        detail: what came and what was expected.
        headers: of the answer, such as ``Retry-After``.
        more: members of the answer beside the standard ones.
    """

    def __init__(
        self, status: int, error: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.error = error
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more


def problem_of(error: errors.PostingsError, secrets: Sequence[str] | set[str] = ()) -> Problem:
    """The problem that an error of the tree is.

    Args:
        error: what was raised.
        secrets: texts that the detail must not have.

    Example:
        >>> problem_of(errors.JobNotFound("there is no job '5f0c'")).status
        404
    """
    kind = type(error)
    status = next(STATUS[each] for each in kind.__mro__ if each in STATUS)
    headers = {"Retry-After": str(RETRY_SECONDS)} if error.retry else {}
    detail = without_secrets(str(error), secrets)
    if status in _INTERNAL:
        log.error("%s: %s", kind.__name__, detail)
        summary = (kind.__doc__ or "").splitlines()[0]
        detail = f"{summary} The service's log says more."
    return Problem(status, _hyphened(kind.__name__), detail, headers=headers)


def response(problem: Problem, request_id: str) -> Response:
    """The answer that says what the problem is."""
    members = {
        "type": f"urn:postings:problem:{problem.error}",
        "title": _phrase(problem.status),
        "status": problem.status,
        "detail": problem.detail,
        "error": problem.error,
        "retry": problem.status in (429, 503, 504, 507),
        "request_id": request_id,
        **problem.more,
    }
    return Response(to_json(members), problem.status, problem.headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of an application with a problem."""

    async def answer(request: Request, error: Exception) -> Response:
        services: Services = request.app.state.services
        problem = _problem(error, request, services.settings.secrets())
        if problem.status >= 500:
            log.error("%s %s: %s", request.method, request.url.path, problem.detail, extra=_context(request))
        return response(problem, request.state.request_id)

    async def bug(request: Request, _: Exception) -> Response:
        return unexpected(request.state.request_id)

    app.add_exception_handler(Exception, bug)
    for kind in (Problem, errors.PostingsError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)


def unexpected(request_id: str) -> Response:
    """The answer to a request that met a bug; the log has its traceback."""
    return response(Problem(500, "internal-error", f"a bug: the log says more about request {request_id}"), request_id)


def invalid_request(error: RequestValidationError) -> Problem:
    """The problem of fields that are missing or wrong."""
    found = [_invalid(each) for each in error.errors()[:_ERRORS]]
    detail = "; ".join(f"{each['field']}: {each['reason']}" for each in found[:3])
    return Problem(422, "invalid-request", detail, errors=found)


def not_json(error: ValueError | RecursionError) -> Problem:
    """The problem of a body that isn't JSON, or not JSON that can be read, from what reading it raised."""
    match error:
        case RecursionError():
            reason = "it is nested too deeply"
        case UnicodeDecodeError(object=bytes() as body, start=int() as place, encoding=str() as encoding):
            reason = f"it isn't text in {encoding.upper()}: byte 0x{body[place]:02x} at {place}"
        case _:
            reason = str(error).partition("; use sys.")[0]  # which says how to allow longer numbers
    return Problem(400, "not-json", f"expected a body of JSON in UTF-8, and this can't be read: {reason}")


def _phrase(status: int) -> str:
    # 499 isn't HTTP's own: nginx's log has it for clients that went away.
    return "Client Closed Request" if status == 499 else http.HTTPStatus(status).phrase


def _problem(error: Exception, request: Request, secrets: set[str]) -> Problem:
    match error:
        case Problem():
            return error
        case errors.PostingsError():
            return problem_of(error, secrets)
        case RequestValidationError():
            wrong = error.errors()
            if len(wrong) == 1 and tuple(wrong[0]["loc"]) == ("body",) and not _is_json(request):
                came = request.headers.get("content-type", "none")
                return Problem(415, "content-type", f"expected Content-Type: application/json, got {came!r:.100}")
            return invalid_request(error)
        case HTTPException(status_code=400, __cause__=ValueError() | RecursionError() as cause):
            return not_json(cause)  # FastAPI's own text says only that there was an error
        case HTTPException():
            phrase = http.HTTPStatus(error.status_code).phrase
            detail = error.detail
            if detail == phrase:
                detail = f"{request.method} {request.url.path} isn't answered here: /openapi.json lists what is"
            return Problem(
                error.status_code, phrase.lower().replace(" ", "-"), detail, headers=dict(error.headers or {})
            )
    raise error


def _invalid(found: Mapping[str, Any]) -> dict[str, str]:
    if found["type"] == "json_invalid":
        return {"field": "body", "reason": f"not JSON: {found['ctx']['error']} at character {found['loc'][-1]}"}
    # pydantic names branches of a union by their validators.
    place = [str(each) for each in found["loc"] if isinstance(each, int) or _FIELD.fullmatch(each)]
    field = ".".join(place[1:]) or place[0]
    if found["type"] == "extra_forbidden":
        return {"field": field, "reason": "there is no such field"}
    came = found.get("input")
    shown = f", got {came!r:.{_VALUE_LENGTH}}" if isinstance(came, str | int | float | bool) else ""
    return {"field": field, "reason": f"{found['msg']}{shown}"}


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _hyphened(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def _context(request: Request) -> dict[str, str]:
    return {"request": request.state.request_id}
