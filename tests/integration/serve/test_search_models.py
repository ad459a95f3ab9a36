"""A request names one of the collection's models, to compare what they find."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from postings import Document, Encoder, PostingsError, Settings, open_index
from postings_ingest import Pipeline, reindex
from postings_query import ApiClient, AsyncApiClient, Hit, SearchClient
from postings_serve.routes import search as routes
from tests.support.models import copy_of_tiny, quiet_tiny
from tests.support.sentences import SENTENCES
from tests.support.served import served
from tests.support.service import Service

QUERY = "a man rides a horse"


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(quiet_tiny(tmp_path_factory.mktemp("model")), "cpu")


@pytest.fixture
def both(tmp_path: Path, encoder: Encoder, quiet: Encoder) -> Settings:
    """A folder with the vectors of two models, of which the bundled one is searched."""
    settings = Settings(index_url=str(tmp_path / "index"), tenant_field="owner")
    documents = [Document(str(n), text, metadata={"owner": ("ann", "bob")[n % 2]}) for n, text in enumerate(SENTENCES)]
    with open_index(settings) as index:
        Pipeline(encoder, index, settings).run(documents)
        reindex(index, quiet)
    return settings


@pytest.fixture
def service(both: Settings) -> Iterator[Service]:
    with Service(both) as service:
        yield service


def asked(service: Service, **body: Any) -> Any:
    answer = service("POST", "/v1/search", json={"query": QUERY, "explain": True, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_each_model_is_searched_by_its_name_or_the_beginning_of_its_fingerprint(
    service: Service, encoder: Encoder, quiet: Encoder
) -> None:
    wanted = {}
    for each in (encoder, quiet):
        client = SearchClient(index=service.services.indexes.index("documents"), encoder=each)
        wanted[each] = client.search(QUERY, explain=True)
        for name in (each.location, Path(each.location).name, each.fingerprint, each.fingerprint[:6]):
            found = asked(service, model=name)
            assert [Hit.from_json(hit) for hit in found["hits"]] == wanted[each]
            assert found["model"] == each.location
            assert [term["index"] for term in found["terms"]] == [term.index for term in wanted[each].terms]
    assert wanted[encoder] != wanted[quiet]
    assert asked(service) == asked(service, model="tiny")


def test_batches_and_explanations_name_it_too(service: Service, quiet: Encoder) -> None:
    alone = asked(service, model="quiet")
    batch = service("POST", "/v1/search/batch", json={"queries": [QUERY], "explain": True, "model": "quiet"}).json()
    assert batch["answers"] == [alone]
    ids = [hit["id"] for hit in alone["hits"]]
    explained = service("POST", "/v1/explain", json={"query": QUERY, "ids": ids, "model": "quiet"}).json()
    assert (explained["hits"], explained["model"]) == (alone["hits"], quiet.location)


def test_an_explanation_is_of_one_model_though_another_is_searched_halfway(
    service: Service, encoder: Encoder, quiet: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def search_and_switch(*arguments: Any) -> Any:
        found = await search(*arguments)
        index.switch_model(quiet.fingerprint)
        await asyncio.to_thread(service.services.indexes.client("documents", None)._look)
        return found

    index, search = service.services.indexes.index("documents"), routes._found
    body = {"query": QUERY, "ids": ["1", "2", "3", "missing"]}
    old = service("POST", "/v1/explain", json=body).json()
    monkeypatch.setattr(routes, "_found", search_and_switch)
    explained = service("POST", "/v1/explain", json=body).json()
    assert explained == service("POST", "/v1/explain", json=body).json()
    assert explained["model"] == quiet.location
    assert [hit["score"] for hit in explained["hits"]] != [hit["score"] for hit in old["hits"]]


def test_the_memory_of_a_dropped_model_is_freed(service: Service, encoder: Encoder, quiet: Encoder) -> None:
    encoders, index = service.services.encoders, service.services.indexes.index("documents")
    assert {encoders.get().fingerprint, encoders.get(quiet.location).fingerprint} == set(encoders._loaded)
    asked(service, model="quiet")
    index.drop_model(quiet.fingerprint)
    encoders.get()
    assert set(encoders._loaded) == {encoder.fingerprint}
    assert service("POST", "/v1/search", json={"query": QUERY, "model": "quiet"}).status_code == 404
    assert not any(each.encoder for each in service.services.indexes._clients.values())


def test_the_clients_of_the_service_name_it_too(both: Settings, quiet: Encoder) -> None:
    with served(both) as url, ApiClient(url) as client:
        answer = httpx.post(f"{url}/v1/search", json={"query": QUERY, "explain": True, "model": "quiet"}).json()
        assert client.search(QUERY, explain=True, model="quiet") == [Hit.from_json(hit) for hit in answer["hits"]]
        assert [hits.model for hits in client.search_batch([QUERY], model="quiet")] == [quiet.location]
        assert client.search(QUERY).model == "tiny"
        with pytest.raises(PostingsError, match="none"):
            client.search(QUERY, model="none")

        async def found() -> list[str]:
            async with AsyncApiClient(url) as aio:
                hits = await aio.search(QUERY, model=quiet.fingerprint[:6])
                return [hits.model, (await aio.search_batch([QUERY], model="quiet"))[0].model]

        assert asyncio.run(found()) == [quiet.location] * 2


@pytest.mark.parametrize("name", ["none", "..", "/", "a\0b", "0" * 1000])
def test_another_model_is_not_found_and_those_that_there_are_are_named(
    service: Service, encoder: Encoder, quiet: Encoder, name: str
) -> None:
    for path, body in (
        ("search", {"query": QUERY}),
        ("search/batch", {"queries": [QUERY]}),
        ("explain", {"query": QUERY, "ids": ["1"]}),
        ("collections/documents/models/switch", {}),
    ):
        answer = service("POST", f"/v1/{path}", json={**body, "model": name})
        assert (answer.status_code, answer.json()["error"]) == (404, "model-not-found")
        for each in (encoder, quiet):
            assert f"{each.location!r} ({each.fingerprint[:8]})" in answer.json()["detail"]


def test_a_model_that_is_not_the_collections_is_never_loaded(service: Service, tmp_path: Path) -> None:
    """Not even one with the same weights."""
    other = copy_of_tiny(tmp_path)
    answer = service("POST", "/v1/search", json={"query": QUERY, "model": str(other)})
    assert answer.status_code == 404
    for wrong in ("", "x" * 1001, 5):
        assert service("POST", "/v1/search", json={"query": QUERY, "model": wrong}).status_code == 422


def test_a_name_that_means_two_models_is_refused(service: Service) -> None:
    index = service.services.indexes.index("documents")
    for fingerprint in ("fade01", "fade02"):
        index.add_model(fingerprint, f"models/{fingerprint}")
    answer = service("POST", "/v1/search", json={"query": QUERY, "model": "fade"})
    assert answer.status_code == 404
    assert "several models are called 'fade'" in answer.json()["detail"]


def test_a_model_that_is_dropped_is_gone_and_one_that_replaces_it_is_searched(
    service: Service, encoder: Encoder, quiet: Encoder
) -> None:
    quiet_found = asked(service, model="quiet")
    index = service.services.indexes.index("documents")
    index.drop_model(quiet.fingerprint)
    gone = service("POST", "/v1/search", json={"query": QUERY, "model": "quiet"})
    assert (gone.status_code, gone.json()["error"]) == (404, "model-not-found")
    reindex(index, quiet)
    assert asked(service, model="quiet") == quiet_found
    index.switch_model(quiet.fingerprint)
    assert asked(service, model="quiet") == quiet_found
    assert asked(service, model=encoder.fingerprint[:8])["model"] == "tiny"


def test_another_model_that_has_the_name_now_is_searched(
    service: Service, quiet: Encoder, encoder: Encoder, tmp_path: Path
) -> None:
    index = service.services.indexes.index("documents")
    index.drop_model(quiet.fingerprint)
    scores = []
    for by in (1, 3):
        shutil.rmtree(tmp_path / "quiet", ignore_errors=True)
        named = Encoder.load(quiet_tiny(tmp_path, by), "cpu")
        reindex(index, named)
        found = asked(service, model=str(tmp_path / "quiet"))
        client = SearchClient(index=index, encoder=named)
        assert [Hit.from_json(hit) for hit in found["hits"]] == client.search(QUERY, explain=True)
        scores.append([hit["score"] for hit in found["hits"]])
        index.drop_model(named.fingerprint)
    assert scores[0] != scores[1]


def test_the_index_is_asked_for_its_models_once(service: Service, quiet: Encoder) -> None:
    indexes = service.services.indexes
    asked(service, model="quiet")
    opened = indexes.opened("documents", None, "quiet")
    assert opened is not None
    asked(service, model="quiet")
    assert indexes.opened("documents", None, "quiet") is opened
    assert indexes.client("documents", None, "quiet") is opened
    assert indexes.opened("documents", None, quiet.fingerprint) is None


def test_a_tenant_sees_its_own_documents_with_any_model(service: Service) -> None:
    for model in (None, "tiny", "quiet"):
        seen = {}
        for tenant in ("ann", "bob"):
            key = service.key("read", tenant=tenant)
            found = service("POST", "/v1/search", json={"query": QUERY, "model": model, "limit": 50}, key=key).json()
            assert {hit["metadata"]["owner"] for hit in found["hits"]} == {tenant}
            seen[tenant] = {hit["id"] for hit in found["hits"]}
        assert not seen["ann"] & seen["bob"]
