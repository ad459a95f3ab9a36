"""The asynchronous client finds the same, and clients close what they opened."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from postings import Document, EdgeIndex, Encoder, Index, Settings, open_index
from postings.collections import Collections
from postings.errors import CollectionNotFound, IndexUnavailable, InvalidQuery, ModelMismatch
from postings_ingest import Pipeline
from postings_query import AsyncSearchClient, SearchClient
from tests.support.indexes import MODEL
from tests.support.qdrant_server import QdrantServer
from tests.support.sentences import SENTENCES


def test_the_asynchronous_client_gives_the_same(client: SearchClient, filled: Index, encoder: Encoder) -> None:
    async def search() -> None:
        async with AsyncSearchClient(index=filled, encoder=encoder) as asynchronous:
            hits = await asyncio.gather(*(asynchronous.search(text, 3, explain=True) for text in SENTENCES))
            assert [found[0].id for found in hits] == [client.search(text, 1)[0].id for text in SENTENCES]
            assert await asynchronous.search_batch(["food"], 2) == client.search_batch(["food"], 2)

    asyncio.run(search())
    assert filled.count() > 0, "an index that was passed in stays open"


@pytest.mark.parametrize("opened", ["before", "meanwhile", "never"])
def test_an_asynchronous_client_that_was_closed_stays_closed(tmp_path: Path, encoder: Encoder, opened: str) -> None:
    async def search_after_closing() -> None:
        client = AsyncSearchClient(encoder=encoder, settings=Settings(index_url=str(tmp_path)))
        if opened == "before":
            with pytest.raises(CollectionNotFound):
                await client.search("food")
        waiting = asyncio.create_task(client.search("food")) if opened == "meanwhile" else None
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(IndexUnavailable, match="the client was closed"):
            await client.search("food")
        if waiting is not None:
            with pytest.raises(CollectionNotFound):
                await waiting
        await client.close()

    asyncio.run(search_after_closing())
    with open_index(Settings(index_url=str(tmp_path))):
        """What it opened was closed too: nobody else could open the folder."""


def test_an_asynchronous_client_that_can_not_be_entered_leaves_nothing_open(tmp_path: Path, encoder: Encoder) -> None:
    async def enter_twice() -> None:
        client = AsyncSearchClient(encoder=encoder, settings=Settings(index_url=str(tmp_path)))
        for _ in range(2):
            with pytest.raises(ModelMismatch):
                await client.__aenter__()

    with EdgeIndex(tmp_path) as index:
        index.ensure(MODEL, "other")
    asyncio.run(enter_twice())
    with EdgeIndex(tmp_path) as index:
        assert index.count() == 0, "nobody else could open the folder"


@pytest.mark.parametrize("grpc", [True, False])
def test_searches_of_a_client_that_is_closed_meanwhile_say_so(
    server: QdrantServer, encoder: Encoder, grpc: bool
) -> None:
    settings = Settings(index_url=server.url, index_grpc_port=server.grpc_port if grpc else None, collection="closed")
    with open_index(settings) as index:
        Pipeline(encoder, index, settings).run(Document(str(n), text) for n, text in enumerate(SENTENCES))

    async def search_and_close() -> None:
        client = AsyncSearchClient(encoder=encoder, settings=settings)
        await client.search("food")
        searches = [asyncio.create_task(search_on(client)) for _ in range(3)]
        await asyncio.sleep(0.1)
        await client.close()
        for each in searches:
            with pytest.raises(IndexUnavailable, match=r"(index|client) was closed"):
                await each

    async def search_on(client: AsyncSearchClient) -> None:
        while True:
            await client.search("a man eats food", explain=True)

    asyncio.run(asyncio.wait_for(search_and_close(), 60))


def test_a_collection_that_is_made_again_without_words_is_searched(server: QdrantServer, encoder: Encoder) -> None:
    settings = Settings(index_url=server.url, collection="again")
    with SearchClient(encoder=encoder, settings=settings) as client:
        for words, expected in ((None, True), (0, False)):
            with open_index(settings) as index:
                Pipeline(encoder, index, Settings(words=words)).run([Document("1", SENTENCES[0])])
            (hit,) = client.search(SENTENCES[0], explain=True)
            assert any(part.exact_word for part in hit.contributions) == expected
            Collections(settings).drop("again")


def test_a_client_says_how_much_of_a_query_its_model_does_not_read(
    client: SearchClient, filled: Index, encoder: Encoder
) -> None:
    window = encoder.query_tokens_left_out("lion " * 10_000)
    long = "lion " * (10_000 - window + 7)
    assert client.query_tokens_left_out("a lion") == 0
    assert client.query_tokens_left_out(long) == 7
    assert client.search(long, words=0) == client.search(long + "drums", words=0)
    assert client.search(long + "drums")[0].text == "A monkey is playing drums."

    async def left_out() -> int:
        async with AsyncSearchClient(index=filled, encoder=encoder) as asynchronous:
            with pytest.raises(InvalidQuery):
                await asynchronous.query_tokens_left_out("")
            return await asynchronous.query_tokens_left_out(long)

    assert asyncio.run(left_out()) == 7
    with pytest.raises(InvalidQuery):
        client.query_tokens_left_out(7)  # type: ignore[arg-type]


def test_a_client_by_collection_opens_and_closes_its_index(tmp_path: Path, encoder: Encoder) -> None:
    settings = Settings(index_url=str(tmp_path))
    with EdgeIndex(tmp_path, "notes") as index:
        Pipeline(encoder, index).run([Document("a", "a note about lions")])
    with SearchClient("notes", encoder=encoder, settings=settings) as client:
        assert [hit.id for hit in client.search("lions")] == ["a"]
    EdgeIndex(tmp_path, "notes").close()
    with pytest.raises(InvalidQuery, match="not both"):
        SearchClient("notes", index=index, encoder=encoder)
