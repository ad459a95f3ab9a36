"""What comes back over real HTTP when all is not well: servers that refuse, proxies, a client used wrongly."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from qdrant_client import AsyncQdrantClient
from qdrant_client import models as q

from postings import Encoder, Settings, SparseVector
from postings.collections import Collections
from postings.errors import IndexRejected, IndexUnavailable, PostingsError, WrongEventLoop
from postings.index import Point, SearchRequest
from postings.index.payload import INDEXED_FIELDS
from postings.index.server import AsyncServerIndex, ServerIndex
from postings.index.server.connection import open_client
from postings.index.server.conversion import portions
from postings_query import AsyncSearchClient
from tests.support.indexes import MODEL, point, served
from tests.support.scripted_http import answering
from tests.support.worker import until
from tests.unit.core.test_server_errors import SAID, text


def index_at(url: str, **settings: object) -> ServerIndex:
    """One that hasn't asked for the server's version."""
    found = Settings(index_url=url, index_timeout=2, **settings)  # type: ignore[arg-type]
    return ServerIndex(open_client(found), found)


@pytest.mark.parametrize(("status", "words", "kind"), SAID)
def test_an_answer_becomes_its_error_on_the_way(status: int, words: str, kind: type[PostingsError]) -> None:
    with answering(status, words) as url, index_at(url) as index, pytest.raises(PostingsError) as caught:
        index.upsert([point("a")])
    assert type(caught.value) is kind
    assert text(words) in str(caught.value)


def test_on_a_cluster_writes_are_strongly_ordered_and_reads_ask_a_quorum() -> None:
    """Else a stale replica could answer for a write, and two writes could end in another order on each replica."""
    asked: list[str] = []
    search = SearchRequest(SparseVector([1], [1.0]), MODEL)
    with answering(400, "no", asked=asked) as url, index_at(url) as index:
        for call, wanted in (
            (lambda: index.upsert([point("a")], keep_newer=True), "ordering=strong"),
            (lambda: index.delete({"must": []}), "ordering=strong"),
            (lambda: index.retrieve([point("a").id]), "consistency=quorum"),
            (lambda: list(index.scroll()), "consistency=quorum"),
            (lambda: index.search(search, consistent=True), "consistency=quorum"),
        ):
            with pytest.raises(IndexRejected):
                call()
            assert wanted in asked[-1]


PROXIES = {
    "a page": (200, "<html>Please log in</html>"),
    "nothing": (200, ""),
    "JSON of its own": (200, '{"ok": true}'),
    "accepted": (202, '{"ok": true}'),
    "not modified": (304, ""),
    "elsewhere": (302, ""),
    "not allowed": (405, "Method Not Allowed"),
    "bad gateway": (502, "<html>Bad Gateway</html>"),
}


@pytest.mark.parametrize("answer", PROXIES.values(), ids=PROXIES)
def test_what_a_proxy_says_is_no_documents_fault(answer: tuple[int, str]) -> None:
    with answering(*answer) as url, index_at(url) as index:
        for call in (lambda: index.upsert([point("a")]), lambda: index.count(), lambda: list(index.scroll())):
            with pytest.raises(IndexUnavailable):
                call()


def test_a_collection_that_cannot_be_read_is_listed_with_the_reason() -> None:
    listed = '{"result": {"collections": [{"name": "articles"}]}, "status": "ok", "time": 0}'
    broken = '{"status": {"error": "Service internal error: 1 of 1 read operations failed"}}'
    root = '{"title": "qdrant", "version": "1.18.0"}'
    with answering(500, broken, root=root, others={"/collections": listed}) as url:
        collections = Collections(Settings(index_url=url, index_grpc_port=0, index_timeout=1))
        assert collections.names() == ["articles"]
        (found,) = collections.list()
    assert "read operations failed" in str(found.problem)


def test_who_is_asked_to_wait_longer_than_there_is_time_says_so_at_once() -> None:
    body = '{"status":{"error":"Rate limiting exceeded"}}'
    with answering(429, body, {"Retry-After": "60"}) as url, index_at(url) as index:
        with pytest.raises(IndexUnavailable, match=r"asks to wait 60 s: .*") as caught:
            index.count()
        assert "POSTINGS_INDEX_TIMEOUT" not in str(caught.value)


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_an_upsert_of_many_requests_gives_up_with_the_first(black_hole: str) -> None:
    began = time.monotonic()
    with index_at(black_hole, index_streams=2) as index, pytest.raises(IndexUnavailable, match="no answer in 2 s"):
        index.upsert([point(str(number)) for number in range(64 * 40)])
    assert time.monotonic() - began < 20  # 20 rounds of 2 s would be 40


def test_closing_an_index_ends_the_calls_of_other_threads(black_hole: str) -> None:
    settings = Settings(index_url=black_hole, index_timeout=600)
    index = ServerIndex(open_client(settings), settings)
    errors: list[Exception] = []

    def count() -> None:
        try:
            index.count()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=count, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: len(asyncio.all_tasks(index._loop._loop)) == 3, "the calls aren't under way")
    index.close()
    for thread in threads:
        thread.join(30)
    assert [(type(error), str(error)) for error in errors] == [(IndexUnavailable, "the index was closed")] * 3


FORK = """
import os, sys
from postings import Settings
from postings.index.server import ServerIndex
from postings.index.server.connection import open_client

settings = Settings(index_url=sys.argv[1], index_timeout=1)
index = ServerIndex(open_client(settings), settings)
if os.fork() == 0:
    try:
        index.count()
    except RuntimeError as error:
        print(error)
    index.close()
else:
    os.wait()
    index.close()
"""


def test_a_forked_process_is_told_to_open_its_own(black_hole: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORK, black_hole]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout == "this index belongs to the parent process: open one in each process\n"


def test_an_index_for_asyncio_belongs_to_one_event_loop() -> None:
    index = AsyncServerIndex(AsyncQdrantClient(":memory:"))
    asyncio.run(index.ensure(MODEL, "tiny"))
    with pytest.raises(WrongEventLoop, match="this index belongs to another event loop: connect one in each"):
        asyncio.run(index.count())


def test_searches_that_come_while_the_index_is_opened_share_its_error(black_hole: str, encoder: Encoder) -> None:
    async def search_together() -> tuple[float, list[object]]:
        began = time.monotonic()
        client = AsyncSearchClient(encoder=encoder, settings=Settings(index_url=black_hole, index_timeout=2))
        found = await asyncio.gather(*(client.search("a lion") for _ in range(20)), return_exceptions=True)
        return time.monotonic() - began, list(found)

    seconds, found = asyncio.run(search_together())
    assert {type(each) for each in found} == {IndexUnavailable}
    assert seconds < 20  # one after the other, they would take 40


def heavy(number: int, megabytes: float) -> Point:
    return point(str(number), words="x" * int(megabytes * 1_000_000))


def test_points_are_cut_into_requests_by_number_and_by_bytes() -> None:
    assert [len(part) for part in portions([point(str(number)) for number in range(130)])] == [64, 64, 2]
    assert [len(part) for part in portions([heavy(number, 3) for number in range(5)])] == [2, 2, 1]
    assert [len(part) for part in portions([heavy(0, 20), heavy(1, 20), point("a")])] == [1, 1, 1]
    assert list(portions([])) == []
    many = [point("a", SparseVector(range(1, 200_001), [1.0] * 200_000)) for _ in range(4)]
    assert [len(part) for part in portions(many)] == [1, 1, 1, 1]


@pytest.mark.parametrize("name", ["rest", "grpc"])
def test_fields_that_a_setting_names_are_indexed_also_in_a_collection_that_stands(name: str) -> None:
    with served(name, f"fields-{name}") as settings:
        with ServerIndex.connect(settings) as index:
            index.ensure(MODEL, "tiny")
        settings = settings.model_copy(update={"index_fields": {"lang": "keyword", "year": "integer"}})
        with ServerIndex.connect(settings) as index:
            index.ensure(MODEL, "tiny")

        async def schema() -> dict[str, q.PayloadIndexInfo]:
            client = open_client(settings)
            try:
                return (await client.get_collection(settings.collection)).payload_schema
            finally:
                await client.close()

        found = asyncio.run(schema())
    assert isinstance(found["tenant"].params, q.KeywordIndexParams)
    assert found["tenant"].params.is_tenant
    kinds = {field: schema.data_type.value for field, schema in found.items()}
    assert kinds == {**INDEXED_FIELDS, "metadata.lang": "keyword", "metadata.year": "integer"}
