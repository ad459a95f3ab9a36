"""Who makes a request, and whether they may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers
from starlette.types import Scope as ASGIScope

from postings_serve.http.problems import Problem
from postings_serve.keys import SCOPES, Scope
from postings_serve.services import Services

_bearer = HTTPBearer(
    # Only for OpenAPI: `admit` reads the header.
    auto_error=False,
    scheme_name="API key",
    description="A key that `postings keys create` has printed",
)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


_OPEN = {"/", "/healthz", "/readyz", "/openapi.json"}
"""What needs no key; the page asks for one."""

PAGE_FILES = "/page/"
"""What the page is made of needs no key either."""

_OTHER_FORMS = ("authorization", "x-api-key", "api-key")
"""Headers in which keys come to other services, Qdrant for example."""

_TOKEN_IN_BODY = "/qdrant/inference"  # noqa: S105 # a path
"""A Qdrant server can't send its key in a header."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request.

    Attributes:
        id: the key's id, or the address of a client without a key; it has a rate limit of its own.
        name: what the key is for, or the address.
        scopes: what it may do.
        tenant: whose documents alone it sees and changes; ``None`` for all.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    tenant: str | None = None


def services_of(request: Request) -> Services:
    """What the routes share."""
    found: Services = request.app.state.services
    return found


async def admit(services: Services, scope: ASGIScope, headers: Headers) -> None:
    """Find out who makes a request before its body is read, and keep it in the request's state.

    Raises:
        Problem: as :func:`caller_of`.
    """
    if scope["path"] in _OPEN or scope["path"].startswith(PAGE_FILES):
        return
    scheme, _, key = headers.get("authorization", "").partition(" ")
    text = key.strip() if scheme.lower() == "bearer" else None
    if scope["path"] == _TOKEN_IN_BODY and text is None and services.keys.required:
        await services.rate.check(_address(scope))
        return
    otherwise = next((name for name in _OTHER_FORMS if name in headers), None)
    caller = await caller_of(services, scope, text, otherwise)
    scope["state"] |= {"who": caller, "caller": caller.id}


async def caller_of(services: Services, scope: ASGIScope, text: str | None, otherwise: str | None = None) -> Caller:
    """The caller with this key.

    Args:
        services: the keys.
        scope: of the request.
        text: the key.
        otherwise: the header in which something came that may be a key, but isn't in the form that is read.

    Raises:
        Problem: 401 if there are keys, and this is none of them; 403 if it is a tenant's, but the service has none;
            429 if it makes too many requests.
    """
    address = _address(scope)
    if (anybody := without_key(services, scope)) is not None:
        caller = anybody
    elif text is not None and (key := services.keys.find(text)) is not None:
        caller = Caller(key.id, key.name, key.scopes, key.tenant)
    else:
        await services.rate.check(address)
        came = "the one that came isn't known"
        if text is None:
            came = "this request has none" if otherwise is None else f"the header {otherwise!r} has none in this form"
            came += ": expected 'Authorization: Bearer KEY'"
        raise Problem(401, "key-needed", f"an API key is needed, and {came}", headers={"WWW-Authenticate": "Bearer"})
    await services.rate.check(caller.id)
    if caller.tenant is not None and services.settings.tenant_field is None:
        raise Problem(
            403,
            "no-tenants",
            f"this key is of tenant {caller.tenant!r}, but the service has no tenants (POSTINGS_TENANT_FIELD)",
        )
    return caller


def without_key(services: Services, scope: ASGIScope) -> Caller | None:
    """Who makes a request, whatever its key; ``None`` if requests need one."""
    if services.keys.required:
        return None
    return Caller(_address(scope), _address(scope), frozenset(SCOPES))


async def known(request: Request, _: _Credentials) -> Caller:
    """A dependency of FastAPI: the caller, whatever its scopes."""
    caller: Caller = request.state.who
    return caller


Anybody = Annotated[Caller, Depends(known)]


def may(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """A dependency of FastAPI: the caller, who has this scope."""

    async def check(caller: Anybody) -> Caller:
        check_scope(caller, scope)
        return caller

    return check


def _address(scope: ASGIScope) -> str:
    return scope["client"][0] if scope.get("client") else "unknown"


def check_query(request: Request) -> None:
    """Raise a :class:`Problem` if a parameter isn't one of the route's, or comes twice.

    A misspelled one would be left out silently, and so would all but the last.
    """
    known = {each.alias for each in request.scope["route"].dependant.query_params}
    times = Counter(name for name, _ in request.query_params.multi_items())
    if repeated := sorted(name for name in known if times[name] > 1):
        raise Problem(422, "invalid-request", f"the parameter {repeated[0]!r} may come once")
    if unknown := sorted({*request.query_params} - known):
        expected = ", ".join(sorted(known)) or "none"
        raise Problem(422, "invalid-request", f"unknown parameter {unknown[0]!r:.100}: expected {expected}")


def check_scope(caller: Caller, scope: Scope) -> None:
    """Raise a :class:`Problem` unless the caller has a scope."""
    if scope not in caller.scopes:
        raise Problem(
            403,
            "scope-needed",
            f"this needs a key with the scope {scope!r}; the key has {', '.join(sorted(caller.scopes))}",
        )


def check_all_tenants(caller: Caller) -> None:
    """Raise a :class:`Problem` if the caller may see one tenant alone, and this shows all."""
    if caller.tenant is not None:
        raise Problem(403, "all-tenants", f"this concerns all tenants, but the key is of {caller.tenant!r} alone")


async def _shared(request: Request) -> Services:
    # FastAPI runs a function that isn't a coroutine in a thread: each request would wait there for Python's lock.
    return services_of(request)


Shared = Annotated[Services, Depends(_shared)]
Reader = Annotated[Caller, Depends(may("read"))]
Writer = Annotated[Caller, Depends(may("write"))]
Admin = Annotated[Caller, Depends(may("admin"))]
