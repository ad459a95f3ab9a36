"""The way to a server over a network that fails: each call is done or reported in time, and nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postings import Index, Settings, SparseVector
from postings.collections import Collections
from postings.errors import AccessDenied, CollectionNotFound, IndexFailure, IndexUnavailable
from postings.index import SearchRequest
from postings.index.server import AsyncServerIndex, ServerIndex
from tests.integration.conftest import server
from tests.support.indexes import MODEL, point
from tests.support.qdrant_server import QdrantServer
from tests.support.tcp_proxy import Fault, TcpProxy
from tests.support.worker import until

__all__ = ["server"]

TIMEOUT = 2
LATEST = 20
"""Seconds after which a call has surely not kept its timeout."""

CALLS: dict[str, Callable[[Index], object]] = {
    "ensure": lambda index: index.ensure(MODEL, "tiny"),
    "info": lambda index: index.info(),
    "upsert": lambda index: index.upsert([point("a", version=2)], keep_newer=True),
    "delete": lambda index: index.delete({"must": [{"key": "doc_id", "match": {"value": "nobody"}}]}),
    "search": lambda index: index.search(SearchRequest(SparseVector([1], [1.0]), MODEL)),
    "retrieve": lambda index: index.retrieve([point("a").id]),
    "scroll": lambda index: list(index.scroll()),
    "count": lambda index: index.count(),
}


def settings(url: str, **others: object) -> Settings:
    """Over REST."""
    return Settings(index_url=url, index_grpc_port=0, **others)  # type: ignore[arg-type]


@pytest.fixture
def proxy(server: QdrantServer) -> Iterator[TcpProxy]:
    with TcpProxy(server.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def collection(server: QdrantServer) -> str:
    """One document, which each call leaves where it is."""
    with ServerIndex.connect(settings(server.url, collection="stored")) as index:
        index.ensure(MODEL, "tiny")
        index.upsert([point("a")])
    return "stored"


@pytest.fixture
def index(proxy: TcpProxy, collection: str) -> Iterator[ServerIndex]:
    with ServerIndex.connect(settings(proxy.url, index_timeout=TIMEOUT, collection=collection)) as index:
        yield index


SILENT = [Fault.HALF_OPEN, Fault.DEAF, Fault.SLOW]
"""Each takes the whole timeout: three calls must do."""


@pytest.mark.parametrize(
    ("fault", "call"),
    [
        (fault, call)
        for fault in Fault
        for call in (["ensure", "upsert", "search"] if fault in SILENT else CALLS)
        if fault is not Fault.NONE
    ],
)
def test_a_call_is_done_or_reported_in_time(index: ServerIndex, proxy: TcpProxy, fault: Fault, call: str) -> None:
    proxy.strike(fault)
    began = time.monotonic()
    if fault is Fault.DELAY:
        CALLS[call](index)
    else:
        with pytest.raises(IndexUnavailable) as raised:
            CALLS[call](index)
        assert raised.value.retry
        assert proxy.url in str(raised.value)
    assert time.monotonic() - began < LATEST
    assert proxy.struck
    proxy.heal()
    CALLS[call](index)
    assert [stored.payload["doc_id"] for stored in index.scroll()] == ["a"]


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.DROP, Fault.RESET, Fault.CUT])
@pytest.mark.parametrize("call", CALLS)
def test_a_connection_that_breaks_once_is_not_noticed(
    index: ServerIndex, proxy: TcpProxy, fault: Fault, call: str
) -> None:
    proxy.strike(fault, times=1)
    CALLS[call](index)
    assert proxy.struck == 1


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.NONE])
def test_a_call_by_grpc_is_done_or_reported_in_time(server: QdrantServer, collection: str, fault: Fault) -> None:
    with TcpProxy(server.grpc_port) as proxy:
        by_grpc = Settings(
            index_url=server.url, index_grpc_port=proxy.port, index_timeout=TIMEOUT, collection=collection
        )
        with ServerIndex.connect(by_grpc) as index:
            proxy.strike(fault)
            began = time.monotonic()
            if fault is Fault.DELAY:
                CALLS["upsert"](index)
            else:
                with pytest.raises(IndexUnavailable):
                    CALLS["upsert"](index)
            assert time.monotonic() - began < LATEST
            assert proxy.struck
            proxy.strike(Fault.NONE)

            def reached() -> bool:  # gRPC waits a little before it connects again
                try:
                    CALLS["upsert"](index)
                except IndexUnavailable:
                    return False
                return True

            until(reached, "gRPC doesn't come back", LATEST)
            assert [stored.payload["doc_id"] for stored in index.scroll()] == ["a"]


def test_a_copy_whose_creation_was_done_but_not_answered_goes_on(
    server: QdrantServer, proxy: TcpProxy, collection: str
) -> None:
    collections = Collections(settings(proxy.url, index_timeout=TIMEOUT))
    proxy.strike(Fault.DROP, times=1, request=b"PUT /collections/twin ")
    collections.copy(collection, "twin")
    assert proxy.struck == 1
    with ServerIndex.connect(settings(server.url, collection="twin")) as twin:
        assert twin.count() == 1
    collections.drop("twin")


def test_a_server_that_is_killed_and_started_again_has_what_it_acknowledged(tmp_path: Path) -> None:
    with QdrantServer(tmp_path) as server, ServerIndex.connect(settings(server.url)) as index:
        index.ensure(MODEL, "tiny")
        index.upsert([point(str(number)) for number in range(300)])
        server.kill()
        with pytest.raises(IndexUnavailable):
            index.count()
        server.start()
        assert index.count() == 300


def test_a_wrong_key_is_said_and_not_tried_again(tmp_path: Path) -> None:
    with QdrantServer(tmp_path, api_key="right") as server:
        for key in ("wrong", None):
            with ServerIndex.connect(settings(server.url, index_api_key=key)) as index:
                with pytest.raises(AccessDenied) as caught:
                    index.ensure(MODEL, "tiny")
                assert not caught.value.retry
        with ServerIndex.connect(settings(server.url, index_api_key="right")) as index:
            index.ensure(MODEL, "tiny")
            assert index.count() == 0


def test_workers_that_start_together_make_one_collection(server: QdrantServer) -> None:
    together = settings(server.url, collection="together")

    async def start_together() -> list[object]:
        indexes = [await AsyncServerIndex.connect(together) for _ in range(8)]
        made = await asyncio.gather(*(index.ensure(MODEL, "tiny") for index in indexes))
        await asyncio.gather(*(index.close() for index in indexes))
        return list(made)

    made = asyncio.run(start_together())
    assert len(set(map(str, made))) == 1


def test_a_closed_index_says_so(server: QdrantServer) -> None:
    index = ServerIndex.connect(settings(server.url, collection="closed"))
    with pytest.raises(CollectionNotFound):
        index.count()
    index.close()
    index.close()
    with pytest.raises(IndexFailure, match="the index was closed"):
        index.count()
