"""Searches of a collection that is dropped or replaced before their turn."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from postings import Document, Encoder, Settings, open_index
from postings.collections import Collections
from postings.errors import CollectionNotFound
from postings_ingest import Pipeline
from postings_serve.search.indexes import Indexes
from tests.support.qdrant_server import QdrantServer
from tests.support.service import Service


@pytest.mark.parametrize(("made_again", "status"), [(False, 404), (True, 200)])
def test_a_search_asks_again_for_a_collection_that_was_closed(
    tmp_path: Path, encoder: Encoder, made_again: bool, status: int
) -> None:
    settings = Settings(index_url=str(tmp_path))
    with open_index(settings) as index:
        Pipeline(encoder, index, settings).run([Document("1", "A man is eating food.")])
    with Service(settings) as service:
        indexes, searches = service.services.indexes, service.services.searches
        assert service("POST", "/v1/search", json={"query": "food"}).status_code == 200
        free = threading.Event()
        for _ in range(searches._threads):
            searches._pool.submit(free.wait)

        async def asked() -> int:
            answer = asyncio.create_task(service._client.post("/v1/search", json={"query": "food"}))
            while not searches._running:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(drop)
            free.set()
            return (await answer).status_code

        def drop() -> None:
            Collections(settings).drop("documents")
            if made_again:
                with open_index(settings) as index:
                    index.ensure(encoder.fingerprint, encoder.location)

        assert service.run(asked()) == status
        assert (indexes.opened("documents", None) is None) == (not made_again)


def test_who_asks_for_what_is_gone_closes_no_connection_that_others_use(server: QdrantServer, encoder: Encoder) -> None:
    indexes = Indexes(Settings(index_url=server.url), None)
    settings = Settings(index_url=server.url, collection="dropped")
    with open_index(settings) as index:
        index.ensure(encoder.fingerprint, encoder.location)
    used = indexes.index("dropped")
    assert indexes.client("dropped", None).search("food") == []
    Collections(settings).drop("dropped")
    for _ in range(2):
        with pytest.raises(CollectionNotFound):
            indexes.index("dropped")
        with pytest.raises(CollectionNotFound):
            used.count()
    assert indexes.opened("dropped", None) is None
    with open_index(settings) as index:
        index.ensure(encoder.fingerprint, encoder.location)
    assert indexes.client("dropped", None).search("food") == []
    for n in range(3):
        with pytest.raises(CollectionNotFound):
            indexes.index(f"never-there-{n}")
    assert set(indexes._servers) == {"dropped"}
    indexes.close()
