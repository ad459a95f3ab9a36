"""Sessions with the tools, by the client of the protocol's own SDK."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx2
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Tool

T = TypeVar("T")


def in_session(server: Any, work: Callable[[Client], Awaitable[T]], mode: str = "auto") -> T:
    """Do some work in a session.

    Args:
        server: a server in this process, or the parameters of one on stdio.
        work: what to do.
        mode: ``legacy`` begins with the handshake of the protocol before 2026.
    """

    return asyncio.run(_work_in(Client(server, mode=mode), work))


def over_http(url: str, key: str | None, work: Callable[[Client], Awaitable[T]], mode: str = "auto") -> T:
    """Do some work in a session over HTTP, with a key if there is one."""

    async def run() -> T:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            return await _work_in(Client(streamable_http_client(url, http_client=http), mode=mode), work)

    return asyncio.run(run())


async def _work_in(session: Client, work: Callable[[Client], Awaitable[T]]) -> T:
    async with session as client:
        done = (await asyncio.gather(work(client), return_exceptions=True))[0]
    if isinstance(done, BaseException):
        raise done  # here, where no group of errors is made of it
    return done


async def tools(client: Client) -> dict[str, Tool]:
    """The tools that are listed, by name."""
    return {tool.name: tool for tool in (await client.list_tools()).tools}


async def called(client: Client, name: str, **arguments: Any) -> Any:
    """What a tool answers: it keeps to its schema, and says the same as text."""
    answer = await client.call_tool(name, arguments)
    assert not answer.is_error, text_of(answer)
    schema = (await tools(client))[name].output_schema
    assert schema is not None
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(answer.structured_content)
    assert json.loads(text_of(answer)) == answer.structured_content
    return answer.structured_content


async def refused(client: Client, name: str, **arguments: Any) -> str:
    """Why a tool refuses a call."""
    answer = await client.call_tool(name, arguments)
    assert answer.is_error
    assert answer.structured_content is None
    return text_of(answer)


def text_of(answer: CallToolResult) -> str:
    """The text of an answer."""
    (block,) = answer.content
    assert block.type == "text"
    return block.text
