"""A collection with two models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from postings import Encoder, Settings, open_index
from postings_ingest import reindex
from tests.support.browser import Visit
from tests.support.folders import copy_index
from tests.support.models import quiet_tiny
from tests.support.redis_server import RedisServer
from tests.support.shown import settled, titles

QUERY = "where do bees find food"


@pytest.fixture(scope="module")
def settings(filled: Path, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the index, with the vectors of one more model."""
    folder = tmp_path_factory.mktemp("models") / "index"
    copy_index(filled, folder)
    settings = Settings(index_url=str(folder), redis_url=redis.url)  # type: ignore[arg-type]
    with open_index(settings) as index:
        reindex(index, Encoder.load(quiet_tiny(tmp_path_factory.mktemp("quiet")), "cpu"))
    return settings


@pytest.fixture
def other(http: httpx.Client) -> str:
    """The fingerprint of the model that isn't searched."""
    models = http.get("/v1/collections/documents/models").json()["models"]
    assert len(models) == 2
    return next(each["fingerprint"] for each in models if each["state"] != "active")


def found(http: httpx.Client, **options: Any) -> list[str]:
    hits = http.post("/v1/search", json={"query": QUERY} | options).json()["hits"]
    return [hit["title"] for hit in hits]


def test_two_models_are_compared_on_a_query_and_on_what_was_judged(
    visit: Visit, http: httpx.Client, other: str
) -> None:
    judgements = [{"query": QUERY, "id": "honeybee-dance", "grade": 1}]
    assert http.post("/v1/judgements", json={"judgements": judgements}).status_code == 200
    page = settled(visit(f"/?view=compare&q={QUERY}&words=0&b.words=0"))
    second = page.get_by_role("region", name="Second search")
    second.get_by_role("combobox", name="Model").select_option(other)
    for name, options in (("First search", {}), ("Second search", {"model": other})):
        side = settled(page).get_by_role("region", name=name)
        assert side.locator(".title bdi").all_text_contents() == found(http, words=0, **options)
        measured = http.post("/v1/judgements/evaluate", json={"words": 0, **options}).json()
        expect(side.locator(".quality output")).to_have_text(f"{measured['ndcg_at_10']:.3f}")


def test_a_model_is_chosen_for_a_search(visit: Visit, http: httpx.Client, other: str) -> None:
    page = settled(visit(f"/?q={QUERY}"))
    page.get_by_role("combobox", name="Model").select_option(other)
    expect(page).to_have_url(f"/?q={QUERY.replace(' ', '+')}&model={other}")
    assert titles(page) == found(http, model=other)


def test_the_collection_is_switched_to_another_model(visit: Visit, http: httpx.Client, other: str) -> None:
    page = settled(visit("/?view=status"))
    table = page.get_by_role("group", name="Models")
    table.get_by_role("button", name="Search this one").click()
    row = table.locator("tr", has_text=other[:12])
    expect(row).to_contain_text("active")
    models = http.get("/v1/collections/documents/models").json()["models"]
    assert [each["fingerprint"] for each in models if each["state"] == "active"] == [other]
    table.get_by_role("button", name="Search this one").click()
    expect(row).to_contain_text("previous")
