"""From what a Qdrant server, its client or the network says to Postings' own errors: one table for each protocol."""

from __future__ import annotations

from collections.abc import Mapping
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
)

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

_BY_WORDS: tuple[tuple[str, type[PostingsError]], ...] = (
    ("CERTIFICATE_VERIFY_FAILED", ConfigurationError),
    ("Not existing vector name", ModelMismatch),
    ("No space left", StorageFull),
    ("message larger than max", IndexRejected),
    # What qdrant-client's in-memory mode says.
    ("not found", CollectionNotFound),
)
"""Whatever the status; the last only where there is none."""

_WORDS_SHOWN = 500


def index_error(error: Exception, where: str) -> PostingsError | None:
    """Postings' error for one of the client's, with the server's words in it; ``None`` for any other.

    Args:
        error: what was raised.
        where: server and collection, for the message.
    """
    match error:
        case UnexpectedResponse():
            status = error.status_code or 500
            otherwise = IndexUnavailable if status >= 500 else IndexRejected
            words = error.content.decode(errors="replace")
            kind = _by_words(words, _BY_WORDS[:-1]) or BY_HTTP_STATUS.get(status, otherwise)
            return kind(f"{where}: the server says {status}: {words[:_WORDS_SHOWN]}")
        case ResourceExhaustedResponse():
            return IndexUnavailable(f"{where}: the server asks to wait {error.retry_after_s} s: {error}")
        case RpcError():
            status = error.code()
            words = str(error.details())
            kind = _by_words(words, _BY_WORDS[:-1]) or BY_GRPC_STATUS.get(status, IndexUnavailable)
            return kind(f"{where}: the server says {status.name}: {words[:_WORDS_SHOWN]}")
        case TimeoutError():
            return IndexUnavailable(f"{where}: no answer in time")
        case ApiException() | QdrantException() | OSError():
            kind = _by_words(str(error), _BY_WORDS[:1]) or IndexUnavailable
            return kind(f"{where}: can't reach the Qdrant server: {error}")
        case JSONDecodeError():
            return IndexUnavailable(f"{where}: what answers isn't Qdrant, a proxy perhaps: {error}")
        case AssertionError() if "returned None" in str(error):  # the client's word for an answer without a result
            return IndexUnavailable(f"{where}: what answers isn't Qdrant, a proxy perhaps: {error}")
        case ValueError():
            kind = _by_words(str(error), _BY_WORDS) or IndexRejected
            return kind(f"{where}: {error}")
    return None


def _by_words(words: str, table: tuple[tuple[str, type[PostingsError]], ...]) -> type[PostingsError] | None:
    return next((kind for part, kind in table if part in words), None)
