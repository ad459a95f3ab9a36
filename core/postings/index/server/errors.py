"""Mapping the errors of a Qdrant server, its client and the network to those of Postings, by protocol."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from json import JSONDecodeError

from grpc import RpcError, StatusCode
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from postings.errors import (
    AccessDenied,
    CollectionNotFound,
    ConfigurationError,
    IndexFailure,
    IndexRejected,
    IndexUnavailable,
    ModelMismatch,
    PostingsError,
    StorageFull,
    StrictModeRejected,
)
from postings.index.protocol import PointMissing
from postings.secrets import without_secrets

BY_HTTP_STATUS: Mapping[int, type[IndexFailure]] = {
    **dict.fromkeys(range(300, 400), IndexUnavailable),  # a proxy's login page; Qdrant never redirects
    401: AccessDenied,
    403: AccessDenied,
    404: CollectionNotFound,
    405: IndexUnavailable,  # likewise
    408: IndexUnavailable,
    425: IndexUnavailable,
    429: IndexUnavailable,
    507: StorageFull,
}
"""All other 4xx are :class:`IndexRejected`, all other 5xx :class:`IndexUnavailable`."""

BY_GRPC_STATUS: Mapping[StatusCode, type[IndexFailure]] = {
    StatusCode.CANCELLED: IndexUnavailable,
    StatusCode.UNKNOWN: IndexUnavailable,
    StatusCode.INVALID_ARGUMENT: IndexRejected,
    StatusCode.DEADLINE_EXCEEDED: IndexUnavailable,
    StatusCode.NOT_FOUND: CollectionNotFound,
    StatusCode.ALREADY_EXISTS: IndexRejected,
    StatusCode.PERMISSION_DENIED: AccessDenied,
    StatusCode.UNAUTHENTICATED: AccessDenied,
    StatusCode.RESOURCE_EXHAUSTED: IndexUnavailable,
    StatusCode.FAILED_PRECONDITION: IndexUnavailable,  # a shard is being moved
    StatusCode.ABORTED: IndexUnavailable,
    StatusCode.OUT_OF_RANGE: IndexRejected,
    StatusCode.UNIMPLEMENTED: IndexUnavailable,  # the answer comes from a proxy, not from Qdrant
    StatusCode.INTERNAL: IndexUnavailable,
    StatusCode.UNAVAILABLE: IndexUnavailable,
    StatusCode.DATA_LOSS: IndexUnavailable,
}

_NETWORK: tuple[tuple[str, type[PostingsError], str], ...] = (
    (
        "CERTIFICATE_VERIFY_FAILED",
        ConfigurationError,
        "its certificate isn't trusted: set index_ca to the CA that signed it",
    ),
    ("WRONG_VERSION_NUMBER", ConfigurationError, "it doesn't speak TLS: write http:// in index_url"),
    ("plain HTTP request was sent to HTTPS port", ConfigurationError, "it speaks TLS: write https:// in index_url"),
    ("Expected SETTINGS frame", ConfigurationError, "index_grpc_port isn't a port for gRPC (usually 6334)"),
)
"""Messages of the network that mean a wrong setting, and what to do about it."""

_BY_MESSAGE: tuple[tuple[str, type[PostingsError]], ...] = (
    ("Not existing vector name", ModelMismatch),
    ("No space left", StorageFull),
    ("message larger than max", IndexRejected),
    ("No point with id", PointMissing),
    # Messages of qdrant-client's in-memory mode.
    ("is not found in the collection", ModelMismatch),
    ("not found", CollectionNotFound),
)
"""Parts of messages that decide regardless of the status; the last only if there is no status."""

_STRICT_MODE = ". Help: "
"""A part of each error of a collection's strict mode, and of no other."""

_REFUSING = frozenset({400, 403, StatusCode.INVALID_ARGUMENT, StatusCode.PERMISSION_DENIED})

_KEYS: tuple[tuple[str, str], ...] = (
    ("Global manage access is required", "this API key may only read"),
    ("Write access to collection", "this API key may only read this collection"),
    ("Manage access", "this API key may read and write, but not create, change or drop a collection"),
    ("Access to collection", "this API key isn't for this collection"),
    ("Global access is required", "this API key is for single collections, not for the whole server"),
)
"""Parts of the server's messages about an API key, and what the key may do."""

_SHOWN = 500  # characters


def index_error(error: Exception, source: str, secrets: Collection[str] = ()) -> PostingsError | None:
    """The error of Postings for an error of the client; ``None`` for any other error.

    Args:
        error: the error that was raised.
        source: server and collection, for the message.
        secrets: hidden in the message.
    """
    found = _kind_and_message(error)
    if found is None:
        return None
    kind, message = found
    return kind(f"{source}: {without_secrets(message, secrets)}")


def _kind_and_message(error: Exception) -> tuple[type[PostingsError], str] | None:
    match error:
        case UnexpectedResponse():
            status = error.status_code or 500
            otherwise = IndexUnavailable if status >= 500 else IndexRejected
            message = _message(error.content)
            return _network(message) or _answer(status, str(status), message, BY_HTTP_STATUS.get(status, otherwise))
        case ResourceExhaustedResponse():
            return IndexUnavailable, f"the server asks to wait {error.retry_after_s} s: {error}"
        case RpcError():
            code, message = error.code(), str(error.details())
            if message.startswith("failed to connect"):
                return _unreachable(message)
            return _network(message) or _answer(code, code.name, message, BY_GRPC_STATUS.get(code, IndexUnavailable))
        case TimeoutError():
            return IndexUnavailable, "no answer in time"
        case ApiException() | QdrantException() | OSError():
            return _unreachable(str(error))
        case JSONDecodeError():
            return IndexUnavailable, f"the answer isn't from Qdrant, perhaps from a proxy: {error}"
        case AssertionError() if "returned None" in str(error):  # the client's error for an answer without a result
            return IndexUnavailable, f"the answer isn't from Qdrant, perhaps from a proxy: {error}"
        case ValueError():
            return _by_message(str(error), _BY_MESSAGE) or IndexRejected, str(error)
    return None


def _answer(
    status: int | StatusCode, name: str, message: str, otherwise: type[PostingsError]
) -> tuple[type[PostingsError], str]:
    kind = _by_message(message, _BY_MESSAGE[:-1]) or otherwise
    if status in _REFUSING and _STRICT_MODE in message:
        kind = StrictModeRejected
    answer = f"the server says {name}: {message[:_SHOWN]}"
    if kind is AccessDenied and (rights := next((meaning for part, meaning in _KEYS if part in message), None)):
        answer = f"{rights}: {answer}"
    return kind, answer


def _message(body: bytes) -> str:
    """The message in the body of an error: Qdrant's ``status.error``, or the whole body."""
    message = body.decode(errors="replace")
    try:
        match json.loads(message):
            case {"status": {"error": str(error)}}:
                return error
    except ValueError:
        pass
    return message


def _unreachable(message: str) -> tuple[type[PostingsError], str]:
    advice = "; start it, or correct POSTINGS_INDEX_URL" if "connection attempts failed" in message else ""
    return _network(message) or (IndexUnavailable, f"can't reach the Qdrant server: {message}{advice}")


def _network(message: str) -> tuple[type[PostingsError], str] | None:
    return next(((kind, f"{hint} ({message})") for part, kind, hint in _NETWORK if part in message), None)


def _by_message(message: str, table: tuple[tuple[str, type[PostingsError]], ...]) -> type[PostingsError] | None:
    return next((kind for part, kind in table if part in message), None)
