"""Requests that are meant to do harm are refused before they cost anything."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from postings import Settings
from postings_serve.http import protocol
from postings_serve.http.bodies import MAX_BODY, MAX_REQUEST
from postings_serve.http.protocol import MAX_HEAD, MAX_HEADERS
from tests.integration.serve.conftest import Keyed
from tests.support.served import served


def sent(url: str, data: bytes) -> bytes:
    """What a connection answers, until it is closed."""
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port), timeout=30) as connection:
        try:
            connection.sendall(data)
            return b"".join(iter(lambda: connection.recv(2**16), b""))
        except ConnectionError:
            return b""


@pytest.mark.parametrize(
    "head",
    [
        b"".join(b"h%d: 1\r\n" % number for number in range(MAX_HEADERS + 1)),
        b"h: " + b"x" * MAX_HEAD,
        b"h: " + b"x" * 2**24,
        b"x" * MAX_HEAD,
    ],
    ids=["many", "large", "huge", "a name alone"],
)
def test_headers_that_are_too_many_or_too_large_are_refused(url: str, head: bytes) -> None:
    answer = sent(url, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n" + head)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert httpx.get(f"{url}/healthz").status_code == 200


@pytest.mark.parametrize("size", [MAX_HEAD, 100_000])
def test_headers_that_are_too_large_are_refused_also_if_they_come_at_once(url: str, size: int) -> None:
    whole = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nh: %b\r\n\r\n"
    assert sent(url, whole % (b"x" * size)).startswith(b"HTTP/1.1 431 ")
    assert sent(url, whole % (b"x" * (MAX_HEAD - 200))).startswith(b"HTTP/1.1 200 ")


def test_as_many_headers_as_are_allowed_are_read(url: str) -> None:
    headers = {f"h{number}": "1" for number in range(MAX_HEADERS - 10)}
    with httpx.Client(base_url=url, headers=headers) as client:
        assert [client.get("/healthz").status_code for _ in range(3)] == [200] * 3


def test_a_connection_that_never_ends_its_headers_is_closed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    with served(settings) as url:
        assert sent(url, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n") == b""
        with httpx.Client(base_url=url) as client:
            assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", [b"/v1/search", b"/v1/documents"])
def test_a_body_that_never_ends_is_given_up(settings: Settings, path: bytes) -> None:
    with served(settings.model_copy(update={"serve_timeout": 1})) as url:
        head = b"POST %b HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n"
        answer = sent(url, head % path + b'content-length: 100\r\n\r\n{"query": ')
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in answer


@pytest.mark.parametrize(("path", "most"), [("/v1/search", MAX_REQUEST), ("/embed_sparse", MAX_BODY)])
def test_a_body_that_is_too_large_is_not_read_to_its_end(url: str, path: str, most: int) -> None:
    def endless() -> Iterator[bytes]:
        yield from (b" " * 2**16 for _ in range(2 * most // 2**16))

    try:
        answer = httpx.post(f"{url}{path}", content=endless(), headers={"content-type": "application/json"})
    except httpx.TransportError:
        return  # it was refused while it was still being sent
    assert answer.status_code == 413
    assert answer.json()["error"] == "request-entity-too-large"


def test_without_a_key_no_body_is_read(keyed: Keyed) -> None:
    """Three bytes of a body that is announced as larger: the answer comes nevertheless."""
    head = "POST /v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n"
    answer = sent(keyed.url, f'{head}connection: close\r\n\r\n{{"q'.encode())
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/search", {f"field{number}": 1 for number in range(50_000)}),
        ("/embed_sparse", {"inputs": [1] * 300_000}),
        ("/v1/search/batch", {"queries": [1] * 100}),
    ],
    ids=["fields", "inputs", "queries"],
)
def test_many_mistakes_make_no_large_answer(http: httpx.Client, path: str, body: Any) -> None:
    answer = http.post(path, content=json.dumps(body), headers={"content-type": "application/json"}, timeout=30)
    assert answer.status_code == 422
    assert len(answer.content) < 10_000


def test_a_body_without_its_type_is_told_the_type(http: httpx.Client) -> None:
    answer = http.post(
        "/v1/search", content=b'{"query": "x"}', headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert (answer.status_code, answer.json()["error"]) == (415, "content-type")
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/search", "/v1/documents"])
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"query": "caf\xe9"}', "it isn't text in UTF-8: byte 0xe9 at 14"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"limit": ' + b"1" * 5000 + b"}", "digits"),
    ],
    ids=["latin-1", "nested", "a long number"],
)
def test_a_body_that_cannot_be_read_is_told_why(http: httpx.Client, path: str, body: bytes, reason: str) -> None:
    answer = http.post(path, content=body, headers={"content-type": "application/json"})
    if path == "/v1/documents" and reason == "digits":
        assert answer.status_code == 422  # it reads them as text, as metadata
        return
    assert (answer.status_code, answer.json()["error"]) == (400, "not-json")
    assert answer.json()["detail"].startswith("expected a body of JSON in UTF-8")
    assert reason in answer.json()["detail"]
    assert "sys." not in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/search", "/v1/documents", "/embed_sparse", "/v1/documents/preview"])
def test_a_compressed_body_is_refused(http: httpx.Client, path: str) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = http.post(path, content=gzip.compress(b'{"query": "food"}'), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (415, "content-encoding")
    assert "must not be compressed" in answer.json()["detail"]
    assert "gzip" in answer.json()["detail"]
    same = http.post("/v1/search", json={"query": "food"}, headers={"content-encoding": "Identity"})
    assert same.status_code == 200


def test_a_wrong_input_is_named_as_its_sender_knows_it(http: httpx.Client) -> None:
    detail = http.post("/embed_sparse", json={"inputs": [1]}).json()["detail"]
    assert detail.startswith("inputs")
    assert "function" not in detail


def test_an_address_that_a_header_claims_has_no_rate_of_its_own(settings: Settings) -> None:
    with served(settings.model_copy(update={"serve_rate": "2/hour"})) as url:
        answers = [
            httpx.get(f"{url}/v1/jobs", headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code
            for number in range(4)
        ]
    assert answers[2:] == [429, 429]


@pytest.mark.parametrize("headers", [{"host": "["}, {"origin": "http://["}, {"origin": "https://evil.example"}])
def test_a_strange_host_or_origin_is_refused(http: httpx.Client, headers: dict[str, str]) -> None:
    assert http.get("/v1/jobs", headers=headers).status_code in (403, 421)
