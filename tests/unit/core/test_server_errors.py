"""What a server says, and which of Postings' errors that is: complete, and with the server's words."""

from __future__ import annotations

import json
from http import HTTPStatus

import grpc
import httpx
import pytest
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

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
from postings.index.server.errors import BY_GRPC_STATUS, BY_HTTP_STATUS, index_error

WHERE = "http://qdrant:6333, collection 'articles'"

# Words of Qdrant 1.18 and later.
SAID = [
    (401, "Must provide an API key or an Authorization bearer token", AccessDenied),
    (401, "Invalid API key or JWT", AccessDenied),
    (403, '{"status":{"error":"Forbidden: Global manage access is required"},"time":0.0001}', AccessDenied),
    (403, '{"status":{"error":"Forbidden: Access to collection articles is required"}}', AccessDenied),
    (400, '{"status":{"error":"Bad request: Exact search disabled!. Help: Set exact=false."}}', StrictModeRejected),
    (403, '{"status":{"error":"Forbidden: Exact search disabled!. Help: Set exact=false."}}', StrictModeRejected),
    (400, "<center>The plain HTTP request was sent to HTTPS port</center>", ConfigurationError),
    (404, '{"status":{"error":"Not found: Collection `articles` doesn\'t exist!"}}', CollectionNotFound),
    (400, '{"status":{"error":"Wrong input: Not existing vector name error: 0123"}}', ModelMismatch),
    (400, '{"status":{"error":"Format error in JSON body: missing field `points`"}}', IndexRejected),
    (400, '{"status":{"error":"Bad request: Index required but not found for \\"price\\""}}', IndexRejected),
    (409, '{"status":{"error":"Wrong input: Collection `articles` already exists!"}}', IndexRejected),
    (413, '{"status":{"error":"JSON payload (34 MB) is larger than allowed (limit: 32 MB)."}}', IndexRejected),
    (422, '{"status":{"error":"Validation error in JSON body"}}', IndexRejected),
    (429, '{"status":{"error":"Rate limiting exceeded"}}', IndexUnavailable),
    (500, '{"status":{"error":"Service internal error: No space left on device"}}', StorageFull),
    (500, '{"status":{"error":"Service internal error: 1 of 1 read operations failed"}}', IndexUnavailable),
    (503, "upstream connect error", IndexUnavailable),
]


def over_http(status: int, words: str) -> UnexpectedResponse:
    return UnexpectedResponse(status, "", words.encode(), httpx.Headers())


def text(body: str) -> str:
    """What a body says without its JSON."""
    return str(json.loads(body)["status"]["error"]) if body.startswith("{") else body


def over_grpc(code: grpc.StatusCode, words: str) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=words)


@pytest.mark.parametrize(("status", "words", "kind"), SAID)
def test_each_answer_is_one_error_with_the_servers_words(status: int, words: str, kind: type[PostingsError]) -> None:
    found = index_error(over_http(status, words), WHERE)
    assert type(found) is kind
    assert text(words) in str(found)
    assert "{" not in str(found)
    assert WHERE in str(found)


@pytest.mark.parametrize(
    ("said", "may"),
    [
        ("Forbidden: Global manage access is required", "this API key may only read: "),
        ("Forbidden: Write access to collection articles is required", "this API key may only read this collection: "),
        ("Forbidden: Manage access for this operation is required", "but not create, change or drop a collection: "),
        ("Forbidden: Access to collection articles is required", "this API key isn't for this collection: "),
        ("Forbidden: Global access is required", "this API key is for single collections, "),
    ],
)
def test_what_a_key_may_not_do_is_said(said: str, may: str) -> None:
    body = json.dumps({"status": {"error": said}})
    for error in (over_http(403, body), over_grpc(grpc.StatusCode.PERMISSION_DENIED, said)):
        found = index_error(error, WHERE)
        assert type(found) is AccessDenied
        assert may in str(found)
        assert said in str(found)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "write http://"),
        (
            "Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: WRONG_VERSION_NUMBER",
            "write http://",
        ),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate",
            "index_ca",
        ),
        (
            "Failed parsing HTTP/2 (Expected SETTINGS frame as the first frame, got frame type 79)",
            "index_grpc_port",
        ),
    ],
)
def test_what_the_network_says_of_a_wrong_setting_is_no_outage(words: str, hint: str) -> None:
    for error in (ResponseHandlingException(httpx.ConnectError(words)), over_grpc(grpc.StatusCode.UNAVAILABLE, words)):
        found = index_error(error, WHERE)
        assert type(found) is ConfigurationError
        assert hint in str(found)


def test_a_server_that_cannot_be_reached_over_grpc_has_said_nothing() -> None:
    found = index_error(
        over_grpc(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error:"), WHERE
    )
    assert type(found) is IndexUnavailable
    assert "can't reach the Qdrant server" in str(found)


def test_strict_mode_is_known_over_grpc_too() -> None:
    words = "Bad request: Exact search disabled!. Help: Set exact=false."
    assert type(index_error(over_grpc(grpc.StatusCode.INVALID_ARGUMENT, words), WHERE)) is StrictModeRejected


def test_secrets_in_the_words_are_hidden() -> None:
    for error in (
        over_http(500, "key hunter2"),
        over_grpc(grpc.StatusCode.INTERNAL, "key hunter2"),
        OSError("hunter2"),
    ):
        found = index_error(error, WHERE, ["hunter2"])
        assert "hunter2" not in str(found)
        assert "***" in str(found)


@pytest.mark.parametrize("status", [each.value for each in HTTPStatus if each >= 400] + [418, 520, 599])
def test_every_http_status_has_its_error_and_only_what_may_pass_is_retried(status: int) -> None:
    found = index_error(over_http(status, "words"), WHERE)
    assert isinstance(found, IndexFailure)
    if status in BY_HTTP_STATUS:
        assert type(found) is BY_HTTP_STATUS[status]
    else:
        assert type(found) is (IndexUnavailable if status >= 500 else IndexRejected)
    assert found.retry == (status >= 500 or status in {405, 408, 425, 429})


@pytest.mark.parametrize("code", [each for each in grpc.StatusCode if each is not grpc.StatusCode.OK])
def test_every_grpc_status_has_its_error(code: grpc.StatusCode) -> None:
    found = index_error(over_grpc(code, "some words"), WHERE)
    assert type(found) is BY_GRPC_STATUS[code]
    assert "some words" in str(found)
    assert code.name in str(found)


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "Wrong input: Not existing vector name error: 0123", ModelMismatch),
        (grpc.StatusCode.INTERNAL, "Service internal error: No space left on device", StorageFull),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "Sent message larger than max (70000000 vs. 67108864)", IndexRejected),
    ],
)
def test_the_words_count_more_than_the_code(code: grpc.StatusCode, words: str, kind: type[PostingsError]) -> None:
    assert type(index_error(over_grpc(code, words), WHERE)) is kind


@pytest.mark.parametrize(
    "error",
    [
        ResourceExhaustedResponse("slow down", 3),
        ResponseHandlingException(httpx.ConnectError("refused")),
        QdrantException("something"),
        ApiException("something"),
        ConnectionResetError("reset"),
        TimeoutError(),
    ],
)
def test_the_network_may_get_better(error: Exception) -> None:
    assert type(index_error(error, WHERE)) is IndexUnavailable


def test_the_in_memory_mode_says_everything_by_value_error() -> None:
    assert type(index_error(ValueError("Collection articles not found"), WHERE)) is CollectionNotFound
    assert type(index_error(ValueError("another"), WHERE)) is IndexRejected


def test_every_error_of_the_client_is_mapped() -> None:
    """A new class in qdrant-client must be thought of."""
    known = {ApiException, UnexpectedResponse, ResponseHandlingException, QdrantException, ResourceExhaustedResponse}
    assert {*_descendants(ApiException), *_descendants(QdrantException)} == known


def test_our_own_bugs_are_not_hidden() -> None:
    assert index_error(KeyError("a bug"), WHERE) is None
    assert index_error(AssertionError(), WHERE) is None


def _descendants(root: type) -> set[type]:
    return {root}.union(*(_descendants(child) for child in root.__subclasses__()))
