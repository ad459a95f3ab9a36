"""The served index where there is no server, or one that holds something else."""

from __future__ import annotations

import asyncio
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import AsyncQdrantClient
from qdrant_client import models as q

from postings import Document, Encoder, Settings, SparseVector, open_index
from postings.errors import CollectionNotFound, IndexCorrupt, IndexRejected, IndexUnavailable
from postings.index import SearchRequest
from postings.index.models import CollectionModels
from postings.index.server import ServerIndex
from postings.index.server.connection import open_client
from postings.index.server.model_record import forgotten_record, record_of
from postings_ingest import Pipeline
from postings_query import AsyncSearchClient, Hit, SearchClient
from tests.support.indexes import MODEL, served
from tests.support.qdrant_server import QdrantServer
from tests.support.sentences import SENTENCES


def test_a_server_that_cannot_be_reached_is_named_and_may_be_retried() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(IndexUnavailable, match=f"{url}.*: can't reach the Qdrant server") as raised:
            open_index(Settings(index_url=url))
        assert raised.value.retry
        assert raised.value.__cause__ is not None


def test_a_collection_that_postings_did_not_make_is_left_alone() -> None:
    client = AsyncQdrantClient(":memory:")
    asyncio.run(client.create_collection("documents", sparse_vectors_config={"other": q.SparseVectorParams()}))
    with (
        ServerIndex(client) as index,
        pytest.raises(IndexRejected, match="wasn't created by Postings"),
    ):
        index.ensure(MODEL, "tiny")


def test_vectors_that_are_no_models_are_not_dropped() -> None:
    client = AsyncQdrantClient(":memory:")
    vectors = {name: q.SparseVectorParams() for name in (MODEL, "other")}
    made = record_of(CollectionModels.of(MODEL, "tiny"))
    asyncio.run(client.create_collection("documents", sparse_vectors_config=vectors, metadata=made))
    with ServerIndex(client) as index:
        assert index.drop_model("other") == index.models() == CollectionModels.of(MODEL, "tiny")
        assert index.search(SearchRequest(SparseVector([1], [1.0]), "other")) == []


def test_a_collection_of_a_newer_postings_is_refused() -> None:
    client = AsyncQdrantClient(":memory:")
    made = {"postings": {"schema": 2}}
    asyncio.run(client.create_collection("documents", sparse_vectors_config={}, metadata=made))
    with ServerIndex(client) as index, pytest.raises(IndexCorrupt, match="written by a newer version of postings"):
        index.info()


@pytest.fixture(params=["rest", "grpc"])
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """A collection on a server."""
    with served(request.param, f"test-{uuid.uuid4().hex}") as settings:
        yield settings


def test_a_model_that_is_dropped_undoes_no_switch_that_came_meanwhile(settings: Settings) -> None:
    first, second, third = (letter * 32 for letter in "abc")
    with ServerIndex.connect(settings) as index:
        index.ensure(first, "first")
        index.add_model(second, "second")
        index.add_model(third, "third")
        index.switch_model(second)
        index.switch_model(third)  # between the steps of another process, which drops the first
        asyncio.run(forgotten(settings, first))
        models = index.models()
        assert (models.active, models.previous) == (third, second)
        assert index.switch_model(first).previous == third
        assert index.switch_model(second).previous == first


async def forgotten(settings: Settings, fingerprint: str) -> None:
    """The last step of dropping the previous model."""
    client = open_client(settings)
    try:
        await client.update_collection(settings.collection, metadata=forgotten_record(fingerprint))
    finally:
        await client.close()


async def described(settings: Settings) -> q.CollectionInfo:
    client = open_client(settings)
    try:
        return await client.get_collection(settings.collection)
    finally:
        await client.close()


def test_a_new_collection_is_as_the_settings_say(settings: Settings) -> None:
    wanted = settings.model_copy(
        update={
            "index_datatype": "float16",
            "index_on_disk": True,
            "index_payload_on_disk": False,
            "index_shards": 2,
            "index_replicas": 1,
        }
    )
    with open_index(wanted) as index:
        index.ensure(MODEL, "tiny")
    made = asyncio.run(described(settings)).config
    assert made.params.sparse_vectors is not None
    vector = made.params.sparse_vectors[MODEL].index
    assert vector is not None
    assert (vector.datatype, vector.on_disk) == (q.Datatype.FLOAT16, True)
    assert (made.params.shard_number, made.params.replication_factor) == (2, 1)
    assert (made.params.write_consistency_factor, made.params.on_disk_payload) == (1, False)
    assert made.metadata == {"postings": {"schema": 1, "active": MODEL, "models": {MODEL: "tiny"}}}


def test_who_names_a_collection_that_is_not_there_learns_which_are(settings: Settings) -> None:
    with open_index(settings) as index:
        index.ensure(MODEL, "tiny")
    with (
        open_index(settings.of_collection("misspelt")) as index,
        pytest.raises(CollectionNotFound, match=rf"there are: .*{settings.collection}"),
    ):
        index.count()


def test_the_asynchronous_client_asks_a_server_without_a_thread(settings: Settings, encoder: Encoder) -> None:
    with open_index(settings) as index:
        Pipeline(encoder, index).run([Document(str(number), text) for number, text in enumerate(SENTENCES)])
        with SearchClient(index=index, encoder=encoder) as blocking:
            expected = blocking.search_batch(SENTENCES, explain=True, group_by_document=True)

    async def search() -> list[list[Hit]]:
        async with AsyncSearchClient(encoder=encoder, settings=settings) as client:
            answers = await asyncio.gather(
                *(client.search(text, explain=True, group_by_document=True, consistent=True) for text in SENTENCES)
            )
            assert not [thread.name for thread in threading.enumerate() if thread.name == "postings-server-index"]
        return list(answers)

    assert asyncio.run(search()) == expected


def test_a_server_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTINGS_TEST_FRONT_VERSION", "1.17.3")
    with QdrantServer(tmp_path) as server:
        for port in (None, server.grpc_port):
            with pytest.raises(IndexRejected, match=r"expected Qdrant 1\.18 or later, but this server is 1\.17\.3"):
                open_index(Settings(index_url=server.url, index_grpc_port=port))
