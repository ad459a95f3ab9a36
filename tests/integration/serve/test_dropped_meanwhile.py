"""Searches of a collection that is dropped or replaced before their turn."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from postings import Document, Encoder, Index, Settings, open_index
from postings.collections import Collections
from postings.errors import CollectionNotFound
from postings.index.models import CollectionModels
from postings.index.server import ServerIndex
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


def test_nothing_is_kept_of_a_collection_that_is_gone_and_one_made_again_stays_open(
    server: QdrantServer, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_again_and_asked(self: ServerIndex) -> CollectionModels:
        monkeypatch.undo()
        with suppress(CollectionNotFound):
            indexes.index("dropped")
        with open_index(settings) as index:
            index.ensure(encoder.fingerprint, encoder.location)
        others.append(indexes.index("dropped"))
        return self.models()

    settings, others = Settings(index_url=server.url, collection="dropped"), list[Index]()
    indexes = Indexes(settings, None)
    with open_index(settings) as index:
        index.ensure(encoder.fingerprint, encoder.location)
    assert indexes.client("dropped", None).search("food") == []
    Collections(settings).drop("dropped")
    # While this request is under way, one finds the collection gone, and another finds it made again.
    monkeypatch.setattr(ServerIndex, "models", made_again_and_asked)
    assert indexes.index("dropped") is others[0]
    assert others[0].count() == 0
    assert indexes.client("dropped", None).search("food") == []
    Collections(settings).drop("dropped")
    for name in ("dropped", "never-there"):
        with pytest.raises(CollectionNotFound):
            indexes.index(name)
    assert (indexes._servers, indexes._clients) == ({}, {})
