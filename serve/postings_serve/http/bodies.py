"""Bodies of requests, and how large they may be."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from postings_ingest.readers.jsonl import integer
from postings_serve.http.problems import Problem, not_json

T = TypeVar("T", bound=BaseModel)

MAX_REQUEST = 2**20
"""Bytes of a body that has no texts to index or encode."""

MAX_BODY = 8 * 2**20
"""Bytes of a body that has such texts, and is read as a whole."""


def check_encoding(headers: Headers) -> None:
    """Check that a body isn't compressed.

    Raises:
        Problem: 415, it is.
    """
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise Problem(
            415,
            "content-encoding",
            f"a body must not be compressed, got Content-Encoding: {coding:.100}; a file in a form may end with .gz or "
            ".zst",
        )


def checked_length(request: Request, most: int) -> None:
    """Check the length that a request announces.

    Raises:
        Problem: 413, it is too large.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > most:
        raise too_large(most)


def too_large(most: int) -> Problem:
    """The problem of a body that is too large."""
    return Problem(413, "content-too-large", f"a body of this type may have at most {most // 2**20:,} MiB")


async def whole_body(request: Request, seconds: float) -> bytes:
    """Read a body as a whole.

    Raises:
        Problem: 413, it is too large; 408, it didn't come in time.
    """
    checked_length(request, MAX_BODY)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BODY:
                    raise too_large(MAX_BODY)
    except TimeoutError:
        raise Problem(408, "request-timeout", too_slow(seconds)) from None
    return bytes(body)


def too_slow(seconds: float) -> str:
    """What is said of a body that takes too long."""
    return f"the body didn't come within {seconds:g} s (POSTINGS_SERVE_TIMEOUT)"


def parsed(body: bytes, model: type[T]) -> T:
    """Read a body as JSON: as the readers of documents do, so that large integers become text.

    Raises:
        Problem: 400, it isn't JSON.
        RequestValidationError: a field is missing or wrong.
    """
    try:
        found: Any = json.loads(body, parse_int=integer)
    except (ValueError, RecursionError) as error:
        raise not_json(error) from error
    return checked(found, model)


def checked(found: object, model: type[T]) -> T:
    """Check the fields of a body.

    Raises:
        RequestValidationError: a field is missing or wrong.
    """
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from error


def limited(receive: Receive, most: int, seconds: float) -> Receive:
    """What receives a body that FastAPI reads as a whole, up to a limit, and not forever.

    Raises:
        HTTPException: 413, it is too large; 408, it didn't come in time. It isn't a :class:`Problem`, which FastAPI
            would take for a body that can't be parsed.
    """
    read, whole = 0, False
    ends = time.monotonic() + seconds

    async def receive_some() -> Message:
        nonlocal read, whole
        if whole:
            return await receive()  # which tells when the client goes away
        try:
            async with asyncio.timeout(ends - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, too_slow(seconds)) from None
        read += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if read > most:
            raise HTTPException(413, too_large(most).detail)
        return message

    return receive_some
