"""Clients follow a collection to its new model, and search with no other model's vectors."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from postings import Document, Encoder, Index, Settings
from postings.collection_models import collection_encoder, load_model
from postings.errors import ModelMismatch, ModelNotFound
from postings.index.models import CollectionModels
from postings_ingest import Pipeline, indexing
from postings_ingest.completing import complete_models
from postings_ingest.indexing import Indexer
from postings_ingest.reindexing import reindex
from postings_query import AsyncSearchClient, Hit, SearchClient, followed_model
from postings_query.followed_model import FollowedModel
from tests.support.models import copy_of_tiny, quiet_tiny
from tests.support.sentences import SENTENCES
from tests.support.worker import until

SETTINGS = Settings()
QUERY = "chasing prey"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients look for a switch ten times as often."""
    monkeypatch.setattr(followed_model, "SECONDS", followed_model.SECONDS / 10)


@pytest.fixture(scope="module")
def old() -> Encoder:
    return loaded(Encoder.load("tiny", "cpu"))


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return loaded(Encoder.load(quiet_tiny(tmp_path_factory.mktemp("model")), "cpu"))


def loaded(encoder: Encoder) -> Encoder:
    """The same model as clients in this process share it."""
    return load_model(CollectionModels.of(encoder.fingerprint, encoder.location), encoder.fingerprint, SETTINGS)


@pytest.fixture
def collection(index: Index, old: Encoder, new: Encoder) -> Index:
    """Sentences with the vectors of both models."""
    Pipeline(old, index, SETTINGS).run([Document(str(n), text) for n, text in enumerate(SENTENCES)])
    reindex(index, new)
    return index


def scores(hits: list[Hit]) -> list[float]:
    return [hit.score for hit in hits]


def test_a_client_that_was_told_no_model_follows_a_switch_and_a_rollback(
    collection: Index, old: Encoder, new: Encoder
) -> None:
    expected = {each: scores(SearchClient(index=collection, encoder=each).search(QUERY)) for each in (old, new)}
    assert expected[old] != expected[new]
    with SearchClient(index=collection, settings=SETTINGS) as client:
        assert scores(client.search(QUERY, explain=True)) == expected[old]
        for encoder in (new, old):
            collection.switch_model(encoder.fingerprint)

            def switched(encoder: Encoder = encoder) -> bool:
                found = scores(client.search(QUERY))
                assert found in expected.values()
                return found == expected[encoder]

            until(switched, "the client didn't notice the switch", seconds=20)


def test_a_client_whose_model_is_dropped_goes_on_with_the_next(collection: Index, old: Encoder, new: Encoder) -> None:
    with SearchClient(index=collection, settings=SETTINGS) as client:
        client.search(QUERY)
        collection.switch_model(new.fingerprint)
        collection.drop_model(old.fingerprint)
        assert scores(client.search(QUERY)) == scores(SearchClient(index=collection, encoder=new).search(QUERY))
        assert client.model == new.location


def test_a_client_for_asyncio_does_the_same(collection: Index, old: Encoder, new: Encoder) -> None:
    async def search() -> list[list[float]]:
        async with AsyncSearchClient(index=collection, settings=SETTINGS) as client:
            found = [scores(await client.search(QUERY))]
            collection.switch_model(new.fingerprint)
            while len(found) < 2 or found[-1] == found[0]:
                found.append(scores(await client.search(QUERY)))
                await asyncio.sleep(0.05)
            collection.switch_model(old.fingerprint)
            collection.drop_model(new.fingerprint)
            found.append(scores(await client.search(QUERY)))
            return found

    expected = [scores(SearchClient(index=collection, encoder=each).search(QUERY)) for each in (old, new)]
    first, *_, last = asyncio.run(asyncio.wait_for(search(), 60))
    assert first == last == expected[0]


def test_a_model_that_is_not_on_this_machine_is_said_once_while_searches_go_on(
    old: Encoder, caplog: pytest.LogCaptureFixture
) -> None:
    models = CollectionModels.of(old.fingerprint, old.location)
    switched = models.with_model("0" * 32, "/nowhere/new").switched("0" * 32)
    followed = FollowedModel(None, SETTINGS, "articles")
    followed.take(models)
    for _ in range(3):
        with pytest.raises(ModelNotFound) as missing:
            followed.take(switched)
        followed.keep(missing.value)
        assert followed.encoder is old
    assert [record.message.partition(":")[0] for record in caplog.records] == ["searches go on with the model tiny"]
    followed.take(models)
    followed.keep(missing.value)
    assert len(caplog.records) == 2


def test_a_client_that_was_told_a_model_keeps_it(collection: Index, old: Encoder, new: Encoder) -> None:
    told = Settings(model="tiny")
    with SearchClient(index=collection, settings=told) as client:
        before = scores(client.search(QUERY))
        collection.switch_model(new.fingerprint)
        assert scores(client.search(QUERY)) == before
        collection.drop_model(old.fingerprint)
        with pytest.raises(ModelMismatch):
            client.search(QUERY)
    with pytest.raises(ModelMismatch):
        SearchClient(index=collection, settings=told).search(QUERY)


def test_clients_that_are_told_the_same_model_share_it(collection: Index, old: Encoder) -> None:
    told = Settings(model=old.location)
    with SearchClient(index=collection, settings=told) as one, SearchClient(index=collection, settings=told) as other:
        assert one.search(QUERY) == other.search(QUERY)
        assert one.encoder is other.encoder


def test_who_names_no_model_gets_the_collections(collection: Index, new: Encoder) -> None:
    collection.switch_model(new.fingerprint)
    assert collection_encoder(SETTINGS, collection) is new
    with pytest.raises(ModelMismatch, match="is now another model"):
        load_model(CollectionModels.of("0" * 32, "tiny"), "0" * 32, SETTINGS)


def test_one_model_by_two_names_has_in_each_collection_the_name_that_the_collection_gives_it(
    old: Encoder, tmp_path: Path
) -> None:
    copy = copy_of_tiny(tmp_path)
    again = Encoder.load(copy, "cpu")
    assert again.fingerprint == old.fingerprint
    assert (loaded(again).name, loaded(old).name) == (str(copy), "tiny")


def test_who_writes_goes_on_when_a_model_is_dropped(
    collection: Index, old: Encoder, new: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drop_and_complete(*arguments: Any) -> None:
        collection.drop_model(new.fingerprint)
        complete_models(*arguments)

    def write(*documents: Document) -> int:
        return indexer.write(indexer.encode(documents)).counts.indexed

    indexer = Indexer(old, collection, SETTINGS)
    assert write(Document("0", SENTENCES[0], metadata={"read": 1})) == 1
    collection.drop_model(new.fingerprint)
    # What is written with its stored vectors, those of the dropped model among them as far as the writer knew.
    assert write(Document("1", SENTENCES[1], metadata={"read": 1})) == 1
    collection.add_model(new.fingerprint, new.location)
    monkeypatch.setattr(indexing, "complete_models", drop_and_complete)
    assert write(Document("2", SENTENCES[2], metadata={"read": 1})) == 1
    assert {each.payload["doc_id"] for each in collection.scroll() if each.payload["metadata"]} == {"0", "1", "2"}


def test_a_pipeline_with_either_model_writes_the_vectors_of_both(
    collection: Index, old: Encoder, new: Encoder, tmp_path: Path
) -> None:
    for number, encoder in enumerate((old, new)):
        Pipeline(encoder, collection, SETTINGS).run([Document(f"added {number}", "a lion hunts")])
    models = [old.fingerprint, new.fingerprint]
    filter = {"must": [{"key": "text", "match": {"value": "a lion hunts"}}]}
    assert [set(point.vectors) for point in collection.scroll(filter, vectors=models)] == [set(models)] * 2
