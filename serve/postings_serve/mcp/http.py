"""Tools for anyone with a key, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from postings_serve.guard import Caller, admit
from postings_serve.http.bodies import MAX_BODY
from postings_serve.http.problems import problem_of
from postings_serve.http.requests import MCP, Requests
from postings_serve.keys import Scope
from postings_serve.mcp.backend import Backend
from postings_serve.mcp.server import Context, tool_server
from postings_serve.process.ending import ended_by_signals
from postings_serve.process.ports import close, listening
from postings_serve.process.server import Server, checked_keys, limit
from postings_serve.services import Services

if TYPE_CHECKING:
    from postings import Settings


def serve_http(
    settings: Settings, started: Callable[[str], object], *, write: bool = False, open_to_all: bool = False
) -> None:
    """Serve until SIGTERM or Ctrl-C, and answer every request that came before.

    Args:
        settings: the index, the default collection, and what starts with ``serve_``.
        started: called with the address when the port answers.
        write: whether documents may be ingested and deleted without a key, while there is none.
        open_to_all: whether other machines need no key, while there is none.

    Raises:
        ConfigurationError: other machines could read everything, or the port can't be opened.
    """
    keys = checked_keys(settings, open_to_all=open_to_all)
    with ended_by_signals() as ending, ExitStack() as stack:
        sockets = listening(settings.serve_host, settings.serve_port)
        stack.callback(close, sockets)
        give_up = stack.enter_context(limit(settings, ending))
        services = Services(settings, keys, open_to_all=open_to_all)
        stack.callback(services.close)
        server = Server(create_app(services, write=write), services, lambda url: started(f"{url}{MCP}"), give_up.start)
        ending.drain = server.drain
        if not ending.asked:
            server.run(sockets)


def create_app(services: Services, *, write: bool = False) -> ASGIApp:
    """The ASGI application: requests and answers are whole, and none depends on another.

    Args:
        services: the keys, rates and settings; whoever made them closes them.
        write: whether documents may be ingested and deleted without a key, while there is none.
    """
    settings = services.settings
    keyless: frozenset[Scope] = frozenset({"read", "write"} if write else {"read"})

    def caller_of(context: Context) -> Caller:
        caller: Caller = cast("Request", context.request).state.who
        scopes = caller.scopes if services.keys.required else keyless
        return replace(caller, scopes=scopes, tenant=caller.tenant or settings.tenant)

    server = tool_server(Backend(settings), caller_of, lambda error: problem_of(error, settings.secrets()).detail)
    sessions = StreamableHTTPSessionManager(server, json_response=True, stateless=True, max_request_body_size=MAX_BODY)
    # Only POST: a client that asks for a stream of messages would wait forever, as there are none.
    route = Route(MCP, StreamableHTTPASGIApp(sessions), methods=["POST"])
    return Requests(Starlette(routes=[route], lifespan=lambda _: sessions.run()), services, admit)
