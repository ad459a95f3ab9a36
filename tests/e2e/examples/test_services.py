"""The services among the examples answer, and queue what they are given."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from postings import Document, Encoder, Settings, open_index
from postings.errors import BrokerUnavailable, CollectionNotFound
from postings_ingest import Pipeline
from tests.support.redis_server import RedisServer, server_binary
from tests.support.worker import Worker, indexed, until

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that the example reads."""
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    return settings


def started(name: str) -> Iterator[TestClient]:
    app: FastAPI = runpy.run_path(str(EXAMPLES / f"{name}.py"))["app"]
    with TestClient(app) as client:
        yield client


@pytest.fixture
def articles(environment: Settings) -> Iterator[TestClient]:
    yield from started("queue_from_web_app")


def test_a_service_of_ones_own_searches_and_says_why(environment: Settings, encoder: Encoder) -> None:
    with open_index(environment) as index:
        Pipeline(encoder, index, environment).run([Document("1", "A monkey plays drums."), Document("2", "Bread.")])
    for client in started("fastapi_service"):
        hits = client.get("/search", params={"q": "music by a monkey"}).json()
        assert hits[0]["id"] == "1"
        assert sum(hits[0]["because"].values()) <= hits[0]["score"] + 0.01
        assert "monkey" in hits[0]["because"]
        for nothing in ("", " "):
            assert client.get("/search", params={"q": nothing}).status_code == 422


def test_a_service_whose_collection_is_missing_says_so_when_it_starts(environment: Settings) -> None:
    with pytest.raises(CollectionNotFound, match=environment.collection):
        next(started("fastapi_service"))


def test_what_a_web_application_saves_is_searched_and_the_newest_revision_wins(
    articles: TestClient, environment: Settings, encoder: Encoder, tmp_path: Path
) -> None:
    assert articles.put("/articles/otter", json={"text": "Otters swim.", "revision": 2}).json() == {"queued": 1}
    assert articles.put("/articles/otter", json={"text": "Otters.", "revision": 1}).json() == {"queued": 2}
    assert articles.put("/articles/gone", json={"text": "A text.", "revision": 1}).json() == {"queued": 3}
    assert articles.delete("/articles/gone", params={"revision": 2}).json() == {"queued": 4}
    worker = Worker(environment, tmp_path / "worker.log")
    until(lambda: articles.get("/indexing").json()["done"] == 4, "the worker indexes what was queued")
    assert articles.get("/indexing").json() == {"submitted": 4, "done": 4, "failures": {}}
    assert worker.stop() == 0
    assert indexed(environment, encoder) == {"otter": "Otters swim."}


def test_a_web_application_says_that_its_queue_cannot_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = RedisServer(tmp_path, server_binary())
    own.start()
    monkeypatch.setenv("POSTINGS_REDIS_URL", own.url)
    service = started("queue_from_web_app")
    client = next(service)
    own.kill()
    answer = client.put("/articles/otter", json={"text": "Otters swim.", "revision": 1})
    assert (answer.status_code, answer.json()["detail"]) == (503, "the queue can't be reached; try again later")
    with pytest.raises(BrokerUnavailable):  # what it has accepted and couldn't send is said at its end
        next(service, None)
