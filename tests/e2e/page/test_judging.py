"""Hits that are marked as right or wrong."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Visit
from tests.support.shown import settled

QUERY = "an animal that floats on its back"


@pytest.fixture
def page(visit: Visit, http: httpx.Client) -> Iterator[Page]:
    """The view of a query that nobody has judged."""
    yield settled(visit(f"/?q={QUERY}"))
    left = [{**each, "grade": None} for each in judgements(http)]
    if left:
        http.post("/v1/judgements", json={"judgements": left})


def judgements(http: httpx.Client) -> list[dict[str, object]]:
    listed = http.get("/v1/judgements").json()["judgements"]
    return [{name: each[name] for name in ("query", "id", "grade")} for each in listed]


def test_a_judgement_is_kept_with_who_and_when(page: Page, http: httpx.Client) -> None:
    page.locator(".hit").nth(1).get_by_role("button", name="wrong").click()
    expect(page.get_by_role("button", name="wrong", pressed=True)).to_have_count(1)
    (judged,) = http.get("/v1/judgements").json()["judgements"]
    second = http.post("/v1/search", json={"query": QUERY}).json()["hits"][1]
    assert (judged["query"], judged["id"], judged["grade"]) == (QUERY, second["id"], 0)
    assert judged["by"] == "127.0.0.1"
    assert judged["at"] > 1_700_000_000_000
    page.reload()
    expect(page.get_by_role("button", name="wrong", pressed=True)).to_have_count(1)


def test_once_more_takes_it_back(page: Page, http: httpx.Client) -> None:
    for _ in range(2):
        page.locator(".hit").first.get_by_role("button", name="right").click()
        settled(page)
        page.wait_for_load_state("networkidle")
    expect(page.locator(".judging [aria-pressed=true]")).to_have_count(0)
    assert judgements(http) == []


def test_the_other_button_changes_it(page: Page, http: httpx.Client) -> None:
    first = page.locator(".hit").first
    first.get_by_role("button", name="right").click()
    expect(first.get_by_role("button", name="right")).to_have_attribute("aria-pressed", "true")
    first.get_by_role("button", name="wrong").click()
    expect(first.get_by_role("button", name="wrong")).to_have_attribute("aria-pressed", "true")
    expect(first.get_by_role("button", name="right")).to_have_attribute("aria-pressed", "false")
    assert [each["grade"] for each in judgements(http)] == [0]


def test_the_quality_follows(page: Page, http: httpx.Client) -> None:
    expect(page.locator(".quality")).to_have_count(0)
    page.locator(".hit").nth(2).get_by_role("button", name="right").click()
    expect(page.locator(".quality output")).to_have_text("0.500")  # 1 / log2(4)
    page.locator(".hit").first.get_by_role("button", name="right").click()
    measured = http.post("/v1/judgements/evaluate", json={}).json()["ndcg_at_10"]
    expect(page.locator(".quality output")).to_have_text(f"{measured:.3f}")
    expect(page.locator(".quality")).to_contain_text("1 judged query")


def test_another_query_has_its_own(page: Page) -> None:
    page.locator(".hit").first.get_by_role("button", name="right").click()
    expect(page.locator(".judging [aria-pressed=true]")).to_have_count(1)
    page.get_by_role("searchbox").fill("an animal that floats")
    expect(page.locator(".judging [aria-pressed=true]")).to_have_count(0)
