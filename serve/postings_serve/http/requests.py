"""What every request gets: an id, a line in the log, a limit of its body, and an answer even if it meets a bug."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from postings_ingest.tracing import span
from postings_serve.http.bodies import MAX_BODY, MAX_REQUEST, check_encoding, limited
from postings_serve.http.browsers import check_origin
from postings_serve.http.problems import Problem, response, unexpected

if TYPE_CHECKING:
    from postings_serve.services import Services

log = logging.getLogger(__name__)

Admit: TypeAlias = Callable[["Services", Scope, Headers], Awaitable[None]]

_DOCUMENTS = {"/v1/documents", "/v1/documents/preview"}
MCP = "/mcp"
"""Where `postings mcp --http` answers."""

_TEXTS = {"/embed_sparse", "/qdrant/inference", MCP}
_WITHOUT_BODY = {"GET", "HEAD", "OPTIONS"}
_LOGGED = 400
_GIVEN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Requests:
    """An ASGI application around another.

    The id of a request is that of its header ``X-Request-ID``, so that it can be followed from another service, or a
    new one. It is in the answer, in the log and in problems. While the service drains, each answer closes its
    connection, so that clients open the next one elsewhere.

    Args:
        app: answers the requests.
        services: what it shares.
        admit: raises a problem unless the request may go on; called before its body is read.
    """

    def __init__(self, app: ASGIApp, services: Services, admit: Admit) -> None:
        self._app = app
        self._services = services
        self._admit = admit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = id
        began, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = MutableHeaders(raw=message["headers"])
                own["X-Request-ID"] = id
                own["X-Content-Type-Options"] = "nosniff"
                if self._services.draining.is_set():
                    own["Connection"] = "close"
                message = {**message, "headers": own.raw}
            await send(message)

        try:
            # Not dict(headers), which looks up each name among all of them.
            with span("postings.request", dict(headers.items()), request=id):
                keys = self._services.keys.required
                check_origin(headers, keys=keys, any_host=self._services.open_to_all)
                await self._admit(self._services, scope, headers)
                if scope["method"] not in _WITHOUT_BODY:
                    check_encoding(headers)
                await self._app(scope, self._limited(scope["path"], receive), answer)
        except Problem as problem:
            await response(problem, id)(scope, receive, answer)
        except Exception:
            log.exception("%s %s met a bug", scope["method"], scope["path"], extra={"request": id})
            if not status:
                await unexpected(id)(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - began
            level = logging.INFO if status >= _LOGGED else logging.DEBUG
            caller = state.get("caller", "-")
            log.log(
                level,
                "%s %s %d in %.3f s, by %s",
                scope["method"],
                scope["path"],
                status,
                seconds,
                caller,
                extra={"request": id},
            )
            self._services.metrics.count(scope, status, seconds)

    def _limited(self, path: str, receive: Receive) -> Receive:
        if path in _DOCUMENTS:
            return receive  # each type of body has a limit of its own there
        most = MAX_BODY if path in _TEXTS else MAX_REQUEST
        return limited(receive, most, self._services.settings.serve_timeout)
