"""From what a Qdrant server, its client or the network says to Postings' own errors: one table for each protocol."""

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
from postings.secrets import without_secrets

BY_HTTP_STATUS: Mapping[int, type[IndexFailure]] = {
    **dict.fromkeys(range(300, 400), IndexUnavailable),  # a proxy's login page; Qdrant never says so
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
    StatusCode.FAILED_PRECONDITION: IndexUnavailable,  # a shard that is being moved
    StatusCode.ABORTED: IndexUnavailable,
    StatusCode.OUT_OF_RANGE: IndexRejected,
    StatusCode.UNIMPLEMENTED: IndexUnavailable,  # what answers isn't Qdrant, but a proxy
    StatusCode.INTERNAL: IndexUnavailable,
    StatusCode.UNAVAILABLE: IndexUnavailable,
    StatusCode.DATA_LOSS: IndexUnavailable,
}

_NETWORK: tuple[tuple[str, type[PostingsError], str], ...] = (
    ("CERTIFICATE_VERIFY_FAILED", ConfigurationError, "its certificate isn't trusted: name who signed it in index_ca"),
    ("WRONG_VERSION_NUMBER", ConfigurationError, "it doesn't speak TLS: write http:// in index_url"),
    ("plain HTTP request was sent to HTTPS port", ConfigurationError, "it speaks TLS: write https:// in index_url"),
    ("Expected SETTINGS frame", ConfigurationError, "index_grpc_port isn't a port for gRPC (usually 6334)"),
)
"""What the network's words show to be a wrong setting, and what to do about it."""

_BY_WORDS: tuple[tuple[str, type[PostingsError]], ...] = (
    ("Not existing vector name", ModelMismatch),
    ("No space left", StorageFull),
    ("message larger than max", IndexRejected),
    # What qdrant-client's in-memory mode says.
    ("is not found in the collection", ModelMismatch),
    ("not found", CollectionNotFound),
)
"""Whatever the status; the last only where there is none."""

_STRICT_MODE = ". Help: "
"""In each refusal of a collection's strict mode, and in no other."""

_REFUSING = frozenset({400, 403, StatusCode.INVALID_ARGUMENT, StatusCode.PERMISSION_DENIED})

_KEYS: tuple[tuple[str, str], ...] = (
    ("Global manage access is required", "this API key may only read"),
    ("Write access to collection", "this API key may only read this collection"),
    ("Manage access", "this API key may read and write, but not make, change or drop a collection"),
    ("Access to collection", "this API key isn't for this collection"),
    ("Global access is required", "this API key is for single collections, not for the whole server"),
)
"""What a server says of a key's rights, and what the key may do."""

_WORDS_SHOWN = 500


def index_error(error: Exception, where: str, secrets: Collection[str] = ()) -> PostingsError | None:
    """Postings' error for one of the client's, with the server's words in it; ``None`` for any other.

    Args:
        error: what was raised.
        where: server and collection, for the message.
        secrets: never shown, should the words hold them.
    """
    found = _kind_and_words(error)
    if found is None:
        return None
    kind, words = found
    return kind(f"{where}: {without_secrets(words, secrets)}")


def _kind_and_words(error: Exception) -> tuple[type[PostingsError], str] | None:
    match error:
        case UnexpectedResponse():
            status = error.status_code or 500
            otherwise = IndexUnavailable if status >= 500 else IndexRejected
            words = _said(error.content)
            return _network(words) or _answer(status, str(status), words, BY_HTTP_STATUS.get(status, otherwise))
        case ResourceExhaustedResponse():
            return IndexUnavailable, f"the server asks to wait {error.retry_after_s} s: {error}"
        case RpcError():
            code, words = error.code(), str(error.details())
            if words.startswith("failed to connect"):
                return _unreachable(words)
            return _network(words) or _answer(code, code.name, words, BY_GRPC_STATUS.get(code, IndexUnavailable))
        case TimeoutError():
            return IndexUnavailable, "no answer in time"
        case ApiException() | QdrantException() | OSError():
            return _unreachable(str(error))
        case JSONDecodeError():
            return IndexUnavailable, f"what answers isn't Qdrant, a proxy perhaps: {error}"
        case AssertionError() if "returned None" in str(error):  # the client's word for an answer without a result
            return IndexUnavailable, f"what answers isn't Qdrant, a proxy perhaps: {error}"
        case ValueError():
            return _by_words(str(error), _BY_WORDS) or IndexRejected, str(error)
    return None


def _answer(
    status: int | StatusCode, name: str, words: str, otherwise: type[PostingsError]
) -> tuple[type[PostingsError], str]:
    kind = _by_words(words, _BY_WORDS[:-1]) or otherwise
    if status in _REFUSING and _STRICT_MODE in words:
        kind = StrictModeRejected
    said = f"the server says {name}: {words[:_WORDS_SHOWN]}"
    if kind is AccessDenied and (may := next((meaning for part, meaning in _KEYS if part in words), None)):
        said = f"{may}: {said}"
    return kind, said


def _said(body: bytes) -> str:
    """What the server says in the body of a refusal: Qdrant's ``status.error``, or all of it."""
    words = body.decode(errors="replace")
    try:
        match json.loads(words):
            case {"status": {"error": str(error)}}:
                return error
    except ValueError:
        pass
    return words


def _unreachable(words: str) -> tuple[type[PostingsError], str]:
    return _network(words) or (IndexUnavailable, f"can't reach the Qdrant server: {words}")


def _network(words: str) -> tuple[type[PostingsError], str] | None:
    return next(((kind, f"{hint} ({words})") for part, kind, hint in _NETWORK if part in words), None)


def _by_words(words: str, table: tuple[tuple[str, type[PostingsError]], ...]) -> type[PostingsError] | None:
    return next((kind for part, kind in table if part in words), None)
