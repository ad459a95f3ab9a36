"""Work whose caller may go away, or wait too long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias, TypeVar

from fastapi import Request

from postings_serve.http.problems import RETRY_SECONDS, Problem

T = TypeVar("T")

Check: TypeAlias = Callable[[], None]
"""A function to call between the steps of some work, which ends it by an error once nobody waits any more."""


async def answered(request: Request, work: Awaitable[T], seconds: float) -> T:
    """Wait for work, which is canceled if the client goes away or the time is over.

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
            raise went_away()
        raise timed_out(seconds)
    finally:
        gone.cancel()
        task.cancel()


class _Abandoned(Exception):
    """Nobody waits for what a thread does."""


async def answered_in_thread(request: Request, work: Callable[[Check], T], seconds: float) -> T:
    """Run work in a thread, and wait for it as :func:`answered` does.

    Args:
        request: whose body was read.
        work: what it asks for.
        seconds: that it may take.

    Raises:
        Problem: as :func:`answered`.
    """
    abandoned = threading.Event()

    def check() -> None:
        if abandoned.is_set():
            raise _Abandoned

    try:
        return await answered(request, asyncio.to_thread(work, check), seconds)
    finally:
        abandoned.set()


@asynccontextmanager
async def waited_for(request: Request, draining: asyncio.Event) -> AsyncIterator[Check]:
    """Give a check for the threads that work in a block.

    In the check, :class:`Problem` is raised once the client went away (499) or the service drains (503).

    Args:
        request: whose body was read.
        draining: set when the service is about to stop.
    """
    ended = threading.Event()
    gone = asyncio.ensure_future(_gone(request))

    def check() -> None:
        if ended.is_set():
            raise _Abandoned
        if gone.done():
            raise went_away()
        if draining.is_set():
            detail = "the service is about to stop: go on elsewhere, from 'next'"
            raise Problem(503, "draining", detail, headers={"Retry-After": str(RETRY_SECONDS)})

    try:
        yield check
    finally:
        ended.set()
        gone.cancel()


def timed_out(seconds: float) -> Problem:
    """The problem of work that took too long."""
    return Problem(504, "timeout", f"this took more than {seconds:g} s (POSTINGS_SERVE_TIMEOUT)")


def went_away() -> Problem:
    """The problem of a request whose client went away; only the log and the metrics see it."""
    return Problem(499, "client-closed-request", "the client went away")


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
