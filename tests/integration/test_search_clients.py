"""The asynchronous client finds the same, and clients close what they opened."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from postings import Document, EdgeIndex, Encoder, Index, Settings, open_index
from postings.errors import CollectionNotFound, IndexUnavailable, InvalidQuery
from postings_ingest import Pipeline
from postings_query import AsyncSearchClient, SearchClient
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
