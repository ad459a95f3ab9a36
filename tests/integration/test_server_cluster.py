"""Several addresses of one cluster: when a node is away, or can't answer, the next is asked."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from postings import Settings, SparseVector
from postings.errors import IndexRejected, IndexUnavailable, InvalidFilter
from postings.index import SearchRequest
from postings.index.server import AsyncServerIndex, ServerIndex
from tests.support.indexes import MODEL, point
from tests.support.qdrant_server import QdrantServer, free_pair
from tests.support.scripted_http import answering
from tests.support.tcp_proxy import Fault, TcpProxy

VERSION = json.dumps({"title": "qdrant - vector search engine", "version": "1.20.0"})
NO_PEERS = '{"status":{"error":"Service internal error: The replica set for shard 0 has no active replica"}}'
ANYTHING = SearchRequest(SparseVector([1], [1.0]), MODEL)


def settings(*urls: str, **others: object) -> Settings:
    return Settings(index_url=",".join(urls), **{"index_timeout": 10, "index_grpc_port": 0, **others})  # type: ignore[arg-type]


def use(index: ServerIndex, *documents: str) -> set[str]:
    """Write and read; returns what is there."""
    index.upsert([point(document) for document in documents])
    assert index.count() == len(index.search(ANYTHING))
    return {stored.payload["doc_id"] for stored in index.scroll()}


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_reads_and_writes_go_on_when_the_node_that_is_asked_is_away(
    server: QdrantServer, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="postings.index.server")
    with ExitStack() as stack:
        port = free_pair()
        nodes = [
            [stack.enter_context(TcpProxy(server.port + offset, port + offset, host)) for offset in (0, 1)]
            for host in ("127.0.0.1", "127.0.0.2")
        ]
        found = settings(
            *(rest.url for rest, _ in nodes),
            index_grpc_port=0 if transport == "rest" else port + 1,
            collection=f"away-{transport}",
        )
        index = stack.enter_context(ServerIndex.connect(found))
        index.ensure(MODEL, "tiny")
        assert use(index, "a") == {"a"}
        assert nodes[0][0].url in index.info().location
        assert ("gRPC" in index.info().location) == (transport == "grpc")
        for proxy in nodes[0]:
            proxy.strike(Fault.REFUSE)
        assert use(index, "b") == {"a", "b"}
        assert [record.message.split()[1] for record in caplog.records] == [nodes[1][0].url]
        assert nodes[1][0].url in index.info().location
        for proxy in nodes[0]:
            proxy.heal()
        for proxy in nodes[1]:
            proxy.strike(Fault.RESET)
        assert use(index, "c") == {"a", "b", "c"}
        assert nodes[0][0].url in index.info().location


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_node_that_lacks_its_peers_is_left_for_one_that_has_them(
    server: QdrantServer, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="postings.index.server")
    with answering(status, NO_PEERS, root=VERSION) as alone:
        name = f"peers-{status}"
        with ServerIndex.connect(settings(alone, server.url, collection=name)) as index:
            index.ensure(MODEL, "tiny")
            assert use(index, "a") == {"a"}
            assert index.info().location == server.url
        left = f"using {server.url} from now on, because of: {alone}"
        assert any(message.startswith(left) for message in caplog.messages)


def test_the_first_address_may_be_away_from_the_start(server: QdrantServer) -> None:
    nobody = f"http://127.0.0.1:{free_pair()}"

    async def connect() -> str:
        async with await AsyncServerIndex.connect(settings(nobody, server.url, collection="start")) as index:
            await index.ensure(MODEL, "tiny")
            return (await index.info()).location

    assert asyncio.run(connect()) == server.url
    with answering(503, "starting") as starting, ServerIndex.connect(settings(starting, server.url)) as index:
        assert index.ensure(MODEL, "tiny").active == MODEL


@pytest.mark.parametrize(
    ("status", "body"), [(401, "<FIRSTLAST>"), (404, "{}"), (400, "{}"), (200, "<html>"), (503, "")]
)
def test_what_is_wrong_with_another_node_is_logged_once_and_the_cluster_is_used(
    server: QdrantServer, caplog: pytest.LogCaptureFixture, status: int, body: str
) -> None:
    with answering(status, body) as odd:
        found = settings(server.url, odd, collection=f"odd-{status}", index_api_key="FIRSTLAST")
        with ServerIndex.connect(found) as index:
            index.ensure(MODEL, "tiny")
            assert use(index, "a") == {"a"}
        (warning,) = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
        assert odd in warning
        assert "FIRST" not in warning
    with answering(200, VERSION.replace("1.20", "1.9")) as old, pytest.raises(IndexRejected, match=r"server is 1\.9"):
        ServerIndex.connect(settings(server.url, old))


def test_a_node_that_never_answers_leaves_time_for_the_next(server: QdrantServer) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(128)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with ServerIndex.connect(settings(url, server.url, index_timeout=6, collection="deaf")) as index:
            index.ensure(MODEL, "tiny")
            assert use(index, "a") == {"a"}


def test_what_is_wrong_with_a_request_is_not_asked_twice() -> None:
    heard: list[Mapping[str, str]] = []
    refusal = '{"status":{"error":"Wrong input: no"}}'
    with answering(400, refusal, root=VERSION) as first, answering(200, "{}", root=VERSION, heard=heard) as second:
        with ServerIndex.connect(settings(first, second)) as index:
            before = len(heard)
            with pytest.raises(IndexRejected, match=first):
                index.upsert([point("a")])
        assert len(heard) == before


def test_when_all_are_away_the_error_may_be_retried() -> None:
    urls = [f"http://127.0.0.1:{free_pair()}" for _ in range(2)]
    with pytest.raises(IndexUnavailable, match="can't reach") as caught:
        ServerIndex.connect(settings(*urls))
    assert caught.value.retry


def test_a_filter_must_suit_the_oldest_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slice: Mapping[str, object] = {"must": [{"slice": {"total": 2, "index": 0}}]}
    with ExitStack() as stack:
        nodes = []
        for version in ("1.20.0", "1.18.3"):
            monkeypatch.setenv("POSTINGS_TEST_FRONT_VERSION", version)
            (tmp_path / version).mkdir()
            nodes.append(QdrantServer(tmp_path / version))
            stack.callback(nodes[-1].kill)
            nodes[-1].start()
        index = stack.enter_context(ServerIndex.connect(settings(*(node.url for node in nodes))))
        index.ensure(MODEL, "tiny")
        too_old = r"'slice' in the filter needs Qdrant 1\.19 or later.* is 1\.18"
        with pytest.raises(InvalidFilter, match=too_old):
            index.count(slice)
        with ServerIndex.connect(settings(nodes[0].url)) as newer:
            assert newer.count(slice) == 0
        nodes[1].kill()
        with pytest.raises(InvalidFilter, match=too_old):  # it may come back
            index.count(slice)
