"""What every request gets: an id, a line in the log, a limit of its body, and an answer even if it meets a bug."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from postings_ingest.tracing import span
from postings_serve.http.bodies import limited
from postings_serve.http.browsers import refusal
from postings_serve.http.problems import response, unexpected

if TYPE_CHECKING:
    from postings_serve.services import Services

log = logging.getLogger(__name__)

_DOCUMENTS = "/v1/documents"
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
    """

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

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
            with span("postings.request", dict(headers), request=id):
                keys = self._services.keys.required or self._services.open_to_all
                problem = refusal(headers, keys=keys)
                # Each type of body has a limit of its own there.
                read = receive if scope["path"] == _DOCUMENTS else limited(receive)
                await (response(problem, id) if problem else self._app)(scope, read, answer)
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
