"""From a URL to a server: over gRPC where it answers, over REST uncompressed, and wrong ports explained."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import threading
import urllib.request
from collections.abc import Mapping
from concurrent import futures
from pathlib import Path

import grpc
import pytest

from postings import Settings, open_index
from postings.errors import AccessDenied, ConfigurationError, IndexUnavailable
from postings.index.server import AsyncServerIndex, ServerIndex
from postings.index.server.connection import open_client
from tests.e2e.test_server_faults import CALLS
from tests.support.forking import said_by
from tests.support.indexes import MODEL, point
from tests.support.qdrant_server import QdrantServer, free_pair
from tests.support.scripted_http import answering
from tests.support.tls import certificate
from tests.support.worker import until


def place(settings: Settings) -> str:
    """Where a connected index says it is, once it has written and read there."""
    with ServerIndex.connect(settings) as index:
        index.ensure(MODEL, "tiny")
        index.upsert([point("a")])
        assert index.count() == 1
        return index.info().location


def comes_to_use_grpc(settings: Settings) -> bool:
    """Whether gRPC is chosen, in the end: on a machine that is busy, the look at the port may take too long."""
    until(lambda: "gRPC on port" in place(settings), "gRPC is never chosen", 60)
    return True


def test_no_request_over_rest_asks_for_a_compressed_answer() -> None:
    heard: list[Mapping[str, str]] = []
    with answering(503, "later", heard=heard) as url:
        settings = Settings(index_url=url, index_timeout=2)
        with pytest.raises(IndexUnavailable):
            ServerIndex.connect(settings)
        with ServerIndex(open_client(settings), settings) as index:
            for call in CALLS.values():
                with pytest.raises(IndexUnavailable):
                    call(index)
    assert len(heard) > len(CALLS)
    assert {headers["Accept-Encoding"] for headers in heard} == {"identity"}


def test_the_front_compresses_for_who_accepts_it_as_a_server_does(server: QdrantServer) -> None:
    asked = urllib.request.Request(server.url, headers={"Accept-Encoding": "gzip, deflate"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(answer.read()))["title"].startswith("qdrant")
    with urllib.request.urlopen(server.url, timeout=10) as answer:
        assert "Content-Encoding" not in answer.headers


def test_grpc_is_used_by_itself_where_it_answers_for_the_same_server(
    server: QdrantServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="postings.index.server")
    assert comes_to_use_grpc(Settings(index_url=server.url))
    assert f"{server.url}: gRPC on port {server.grpc_port}" in caplog.messages


def test_an_asynchronous_index_chooses_likewise(server: QdrantServer) -> None:
    async def connect() -> str:
        async with await AsyncServerIndex.connect(Settings(index_url=server.url, collection="other")) as index:
            await index.ensure(MODEL, "tiny")
            return (await index.info()).location

    by_grpc = f"{server.url} (gRPC on port {server.grpc_port})"
    until(lambda: asyncio.run(connect()) == by_grpc, "gRPC is never chosen", 60)


def test_a_setting_turns_grpc_off(server: QdrantServer) -> None:
    assert place(Settings(index_url=server.url, index_grpc_port=0)) == server.url


def test_without_grpc_on_the_next_port_rest_is_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="postings.index.server")
    with QdrantServer(tmp_path, grpc_port=free_pair()) as server:
        assert place(Settings(index_url=server.url)) == server.url
        (said,) = caplog.messages
        assert said.startswith(f"{server.url}: using REST, because gRPC on port {server.port + 1} can't be used: ")
        assert place(Settings(index_url=server.url, index_grpc_port=server.grpc_port)) != server.url


def test_another_server_on_the_next_port_is_left_alone(
    server: QdrantServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTINGS_TEST_FRONT_VERSION", "1.19.7")
    own, other = QdrantServer(tmp_path / "own", grpc_port=free_pair()), QdrantServer(tmp_path / "other")
    (tmp_path / "own").mkdir()
    (tmp_path / "other").mkdir()
    own.grpc_port, other.grpc_port = other.grpc_port, own.port + 1
    with other:
        monkeypatch.setenv("POSTINGS_TEST_FRONT_VERSION", "1.19.8")
        with own:
            assert place(Settings(index_url=own.url)) == own.url


def test_what_is_no_qdrant_on_the_next_port_is_left_alone(tmp_path: Path) -> None:
    with QdrantServer(tmp_path, grpc_port=free_pair()) as server:
        stranger = grpc.server(futures.ThreadPoolExecutor(1))
        stranger.add_insecure_port(f"127.0.0.1:{server.port + 1}")
        stranger.start()
        try:
            assert place(Settings(index_url=server.url)) == server.url
        finally:
            stranger.stop(None)


def test_a_key_that_is_refused_is_so_over_rest(tmp_path: Path) -> None:
    with QdrantServer(tmp_path, api_key="right") as server:
        with (
            ServerIndex.connect(Settings(index_url=server.url, index_api_key="wrong")) as index,  # type: ignore[arg-type]
            pytest.raises(AccessDenied) as caught,
        ):
            index.ensure(MODEL, "tiny")
        assert "gRPC" not in str(caught.value)
        assert comes_to_use_grpc(Settings(index_url=server.url, index_api_key="right"))  # type: ignore[arg-type]


def test_over_tls_both_are_verified_by_the_certificate_that_is_named(tmp_path: Path) -> None:
    made = certificate(tmp_path, "IP:127.0.0.1")
    (tmp_path / "data").mkdir()
    with QdrantServer(tmp_path / "data", tls=made) as server:
        settings = Settings(index_url=server.url, index_ca=made.ca)
        assert comes_to_use_grpc(settings)
        assert place(settings.model_copy(update={"index_grpc_port": 0})) == server.url
        for port in (None, 0, server.grpc_port):
            with pytest.raises(ConfigurationError, match="its certificate isn't trusted"):
                open_index(Settings(index_url=server.url, index_grpc_port=port))


def test_http_to_a_port_for_tls_is_told_apart_from_an_outage(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with QdrantServer(tmp_path / "data", tls=certificate(tmp_path, "IP:127.0.0.1")) as server:
        plain = server.url.replace("https:", "http:")
        with pytest.raises(ConfigurationError, match=rf"index_url.*{plain}: port {server.port} speaks TLS: .*https://"):
            open_index(Settings(index_url=plain))
        with pytest.raises(ConfigurationError, match=rf"port {server.grpc_port} is for gRPC"):
            open_index(Settings(index_url=f"https://127.0.0.1:{server.grpc_port}"))


def test_https_to_a_port_without_tls_is_told_apart_from_an_outage(server: QdrantServer) -> None:
    for url in (f"https://127.0.0.1:{server.port}", f"https://127.0.0.1:{server.grpc_port}"):
        with pytest.raises(ConfigurationError, match="write http://"):
            open_index(Settings(index_url=url))
    with pytest.raises(ConfigurationError, match="write http://"):
        open_index(Settings(index_url=f"https://127.0.0.1:{server.port}", index_grpc_port=server.grpc_port))


def test_a_port_for_grpc_in_the_url_is_told_apart_from_an_outage(server: QdrantServer) -> None:
    with pytest.raises(ConfigurationError, match=rf"port {server.grpc_port} is for gRPC: use the one for REST"):
        open_index(Settings(index_url=f"http://127.0.0.1:{server.grpc_port}"))
    with pytest.raises(ConfigurationError, match="index_grpc_port isn't a port for gRPC"):
        open_index(Settings(index_url=server.url, index_grpc_port=server.port))


@pytest.mark.parametrize(
    ("url", "tried"),
    [
        ("https://127.0.0.1", "https://127.0.0.1:443"),
        ("https://127.0.0.1/qdrant", "https://127.0.0.1:443/qdrant"),
        ("http://127.0.0.2/qdrant", "http://127.0.0.2:6333/qdrant"),
    ],
)
def test_the_error_names_the_port_that_was_tried(url: str, tried: str) -> None:
    with pytest.raises(IndexUnavailable) as raised:
        open_index(Settings(index_url=url))
    assert str(raised.value).startswith(f"{tried}, collection")
    assert vars(open_client(Settings(index_url=url))._client)["rest_uri"] == tried


FORK = """
import os, sys
from postings import Settings, open_index

settings = Settings(index_url=sys.argv[1], collection="forked")
index = open_index(settings)
index.ensure("0123", "tiny")
while "gRPC" not in index.info().location:
    index.close()
    index = open_index(settings)
if (child := os.fork()) == 0:
    with open_index(settings) as own:
        print("child", own.count(), own.info().location, flush=True)
    os._exit(0)
print("status", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print("parent", index.count(), index.info().location)
index.close()
"""


def test_a_process_that_was_forked_uses_rest_where_its_parent_used_grpc(server: QdrantServer) -> None:
    by_grpc = f"parent 0 {server.url} (gRPC on port {server.grpc_port})"
    assert said_by(FORK, server.url) == [f"child 0 {server.url}", "status 0", by_grpc]


def test_what_is_no_settings_is_refused_before_anything_is_started() -> None:
    before = threading.active_count()
    with pytest.raises(ConfigurationError, match=r"expected Settings, .* got str"):
        open_index("x")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError):
        ServerIndex(None, Settings(index_url="a-folder"))
    assert threading.active_count() == before
