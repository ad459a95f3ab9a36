"""JSON Lines, queued while they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request

from postings_ingest.readers.jsonl import Decoder
from postings_ingest.readers.omissions import ignore
from postings_ingest.readers.sources import Source
from postings_serve.http.problems import RETRY_SECONDS, Problem
from postings_serve.submission.lines import Lines
from postings_serve.submission.submission import Submission

_LINGER = 1.0
"""Seconds that documents wait for others while nothing arrives."""


async def queue_lines(request: Request, submission: Submission, draining: asyncio.Event) -> None:
    """Queue the documents of a body of JSON Lines. Memory doesn't grow with its length.

    Raises:
        ClientDisconnect: the client went away before the end.
        Problem: 503, the service drains; it says from which line to go on.
        PostingsError: as :meth:`Submission.add`.
    """
    lines = Lines()
    decoder = Decoder(Source("", "jsonl"), submission.reject, ignore)
    pieces = aiter(request.stream())
    piece = _next(pieces)
    try:
        while True:
            await asyncio.wait({piece}, timeout=_LINGER)
            if draining.is_set():
                await submission.flush()
                detail = "the service is about to stop: go on elsewhere, from line 'next'"
                headers = {"Retry-After": str(RETRY_SECONDS)}
                raise Problem(503, "draining", detail, headers=headers, next=lines.number + 1)
            if not piece.done():
                await submission.flush()
                continue
            try:
                arrived = piece.result()
            except StopAsyncIteration:
                break
            await submission.add(decoder.documents(lines.feed(arrived)))
            piece = _next(pieces)
        await submission.add(decoder.documents(lines.end()))
    finally:
        piece.cancel()


def _next(pieces: AsyncIterator[bytes]) -> asyncio.Task[bytes]:
    async def arrive() -> bytes:
        return await anext(pieces)

    return asyncio.create_task(arrive())
