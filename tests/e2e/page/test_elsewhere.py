"""The search that is shown, as code that finds the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.support.browser import Visit
from tests.support.shown import settled, titles

OWNER = {"field": "owner", "value": "ann", "condition": {"key": "metadata.owner", "match": {"value": "ann"}}}
ADDRESSES = [
    "/?q=where do bees find food",
    '/?q=it\'s a "quoted" \\ query $HOME `id`',
    "/?q=where do bees find food&words=1.5&limit=20",
    "/?q=where do bees find food&fusion=rrf",
    "/?q=where do bees find food&model=tiny&filter=[" + json.dumps(OWNER) + "]",
]


def code(page: Page, language: str) -> str:
    page.get_by_text("This search as code").click()
    page.get_by_role("button", name=language, exact=True).click()
    if language == "Qdrant":
        page.locator("pre", has_text="/points/query").wait_for()
    return page.get_by_label(f"The search as {language}").inner_text()


def weighted(page: Page) -> Page:
    page.locator(".terms li").first.get_by_role("checkbox").uncheck()
    return settled(page)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("change", [False, True], ids=["as encoded", "with own weights"])
def test_curl_finds_the_same(visit: Visit, address: str, change: bool) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl isn't installed")
    page = settled(visit(address))
    page = weighted(page) if change else page
    command = code(page, "curl").replace(" --json ", " --silent --header 'Content-Type: application/json' --data ")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert found(json.loads(done.stdout)["hits"]) == titles(page)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("change", [False, True], ids=["as encoded", "with own weights"])
def test_python_finds_the_same(visit: Visit, address: str, change: bool) -> None:
    page = settled(visit(address))
    page = weighted(page) if change else page
    names: dict[str, Any] = {}
    exec(code(page, "Python"), names)
    assert found([hit.to_json() for hit in names["hits"]]) == titles(page)


def test_qdrants_request_is_that_of_the_service(visit: Visit, http: httpx.Client) -> None:
    page = weighted(settled(visit(ADDRESSES[0])))
    first, _, body = code(page, "Qdrant").partition("\n")
    terms = http.post("/v1/search", json={"query": "where do bees find food", "explain": True}).json()["terms"]
    terms[0]["weight"] = 0
    asked = {"query": {"text": "where do bees find food", "terms": terms}, "limit": 10, "explain": True}
    request = http.post("/v1/search/qdrant-request", json=asked).json()
    assert first == f"{request['method']} {request['path']}"
    assert json.loads(body) == request["body"]


def found(hits: list[dict[str, Any]]) -> list[str]:
    return [hit["title"] or hit["id"] for hit in hits]
