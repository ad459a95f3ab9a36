"""Messages over a socket: each is JSON in UTF-8, after its length in four bytes.

Both ends are Python: numbers that JSON lacks, such as infinity, and halves of surrogate pairs are written as Python's
``json`` reads them.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

from postings.errors import InvalidInput, InvalidMessage

MAX_BYTES = 2**30
"""The largest message: 16 MiB for each of the 64 points of an upsert, 4 MiB for each of the 256 of a page."""

_LENGTH = 4


def pack(message: Mapping[str, Any]) -> bytes:
    r"""The bytes of a message.

    Raises:
        InvalidInput: a value can't be said in JSON, or the message is too large.

    Example:
        >>> pack({"call": "count"})
        b'\x00\x00\x00\x10{"call":"count"}'
    """
    try:
        body = _ENCODER.encode(message).encode("utf-8", "surrogatepass")
    except RecursionError as error:
        raise InvalidInput("a value is nested too deeply to be sent to the process that has the index open") from error
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a value can't be sent to the process that has the index open: {error}") from error
    if len(body) > MAX_BYTES:
        raise InvalidInput(
            f"{len(body) / 2**20:,.0f} MiB are more than the {MAX_BYTES / 2**20:,.0f} MiB that two processes send each "
            "other at once: write or read less in one call"
        )
    return len(body).to_bytes(_LENGTH) + body


def receive(connection: socket.socket) -> Any:
    """Wait for the next message; ``None`` if the other end has closed the connection.

    Raises:
        OSError: the connection broke.
        InvalidMessage: this isn't a message, or it is too large.
    """
    length = _read(connection, _LENGTH)
    if not length:
        return None
    if (size := int.from_bytes(length)) > MAX_BYTES:
        raise InvalidMessage(f"expected a message of up to {MAX_BYTES} bytes, got one of {size}")
    body = _read(connection, size)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(f"expected a message in JSON, got {bytes(body[:100])!r}: {error}") from error


def _read(connection: socket.socket, size: int) -> bytearray:
    """Exactly so many bytes; none if the other end has closed the connection before the first."""
    data = bytearray(size)
    view, done = memoryview(data), 0
    while done < size:
        read = connection.recv_into(view[done:])
        if not read:
            if done or size != _LENGTH:
                raise ConnectionResetError("the connection was closed in the middle of a message")
            return bytearray()
        done += read
    return data


def _plain(value: Any) -> Any:
    """A mapping that isn't a dictionary, which the embedded engine takes too."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} isn't a type of JSON")


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain)
