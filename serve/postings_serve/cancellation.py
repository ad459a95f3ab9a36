"""Work whose caller may go away, or wait too long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import Request

from postings_serve.problems import Problem

T = TypeVar("T")


async def answered(request: Request, work: Awaitable[T], seconds: float) -> T:
    """Wait for work, which is cancelled if the client goes away or the time is over.

    Args:
        request: whose body was read.
        work: what it asks for.
        seconds: that it may take.

    Raises:
        Problem: 499 if the client went away, which nobody reads; 504 if the time is over.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if gone.done():
            raise Problem(499, "client-closed-request", "the client went away")
        raise Problem(504, "timeout", f"this took more than {seconds:g} s (POSTINGS_SERVE_TIMEOUT)")
    finally:
        gone.cancel()
        task.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
