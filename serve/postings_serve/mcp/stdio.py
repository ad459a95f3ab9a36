"""Tools for the program that started this process, over its stdin and stdout."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from mcp.server.stdio import stdio_server

from postings.secrets import without_secrets
from postings_serve.guard import Caller
from postings_serve.keys import Scope
from postings_serve.mcp.backend import Backend
from postings_serve.mcp.server import tool_server
from postings_serve.process.ending import Ending, ended_by_signals

if TYPE_CHECKING:
    from postings import Settings


def serve_stdio(settings: Settings, *, write: bool) -> None:
    """Answer the messages on stdin, until it is closed, or SIGTERM or Ctrl-C ends it.

    Meanwhile, all that is printed goes to stderr.

    Args:
        settings: the index, the default collection and the tenant.
        write: whether documents may be ingested and deleted.
    """
    with ended_by_signals() as ending:
        asyncio.run(_serve(settings, ending, write=write))


async def _serve(settings: Settings, ending: Ending, *, write: bool) -> None:
    scopes: frozenset[Scope] = frozenset({"read", "write"} if write else {"read"})
    caller = Caller("stdio", "stdio", scopes, settings.tenant)
    server = tool_server(
        Backend(settings), lambda _: caller, lambda error: without_secrets(str(error), settings.secrets())
    )
    try:
        async with stdio_server(stdin=cast("anyio.AsyncFile[str]", _lines(ending))) as (received, sent):
            await server.run(received, sent, server.create_initialization_options())
    except* BrokenPipeError:
        pass  # whoever started this is gone


async def _lines(ending: Ending) -> AsyncIterator[str]:
    """The lines of stdin, until it is closed or the process is asked to end.

    A thread reads them that keeps nobody waiting: a read can't be interrupted.
    """
    loop = asyncio.get_running_loop()
    send, receive = anyio.create_memory_object_stream[str]()
    ending.drain = lambda: loop.call_soon_threadsafe(send.close)
    if not ending.asked:
        threading.Thread(target=_read, args=(loop, send), name="stdin", daemon=True).start()
        async with receive:
            async for line in receive:
                yield line


def _read(loop: asyncio.AbstractEventLoop, send: MemoryObjectSendStream[str]) -> None:
    try:
        with open(0, encoding="utf-8", errors="replace", closefd=False) as stdin:
            for line in stdin:
                asyncio.run_coroutine_threadsafe(send.send(line), loop).result()
    except (OSError, RuntimeError, anyio.ClosedResourceError, anyio.BrokenResourceError):
        return  # nobody waits for lines any more, or there is no stdin
    finally:
        loop.call_soon_threadsafe(send.close)
