"""Two searches side by side."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.browser import Visit
from tests.support.shown import settled

QUERY = "where do bees find food"
JUDGED = [("where do bees find food", "honeybee-dance"), ("an animal that floats on its back", "sea-otter")]


def ids(http: httpx.Client, **options: Any) -> list[tuple[str, int]]:
    hits = http.post("/v1/search", json={"query": QUERY} | options).json()["hits"]
    return [(hit["id"], hit["ordinal"]) for hit in hits]


@pytest.fixture
def judged(http: httpx.Client) -> None:
    judgements = [{"query": query, "id": id, "grade": 1} for query, id in JUDGED]
    assert http.post("/v1/judgements", json={"judgements": judgements}).status_code == 200


def test_lines_lead_from_each_hit_to_its_place_in_the_other_list(visit: Visit, http: httpx.Client) -> None:
    page = settled(visit(f"/?view=compare&q={QUERY}&b.words=0"))
    first, second = ids(http), ids(http, words=0)
    assert first != second
    places = [(at, second.index(each)) for at, each in enumerate(first) if each in second]
    lines = page.locator(".moves path").evaluate_all("(all) => all.map((each) => each.getAttribute('d'))")
    assert lines == [f"M0 {a + 0.5:g}C5 {a + 0.5:g} 5 {b + 0.5:g} 10 {b + 0.5:g}" for a, b in places]


def test_each_hit_says_how_it_moved(visit: Visit, http: httpx.Client) -> None:
    page = settled(visit(f"/?view=compare&q={QUERY}&b.words=0"))
    first, second = ids(http), ids(http, words=0)
    sides = [page.get_by_role("region", name=name).locator("li") for name in ("First search", "Second search")]
    for each, shown in zip(first, sides[0].all(), strict=True):
        assert shown.locator(".moved").all_inner_texts() == ([] if each in second else ["gone"])
    for rank, (each, shown) in enumerate(zip(second, sides[1].all(), strict=True)):
        said = " ".join(shown.locator(".moved").all_text_contents())
        if each not in first:
            assert said == "new"
        elif move := first.index(each) - rank:
            assert said == f"{'▲up' if move > 0 else '▼down'} {abs(move)}"
        else:
            assert said == ""


@pytest.mark.usefixtures("judged")
def test_each_side_says_how_good_it_is_on_what_was_judged(visit: Visit, http: httpx.Client) -> None:
    page = settled(visit(f"/?view=compare&q={QUERY}&b.words=0"))
    measured = [http.post("/v1/judgements/evaluate", json=options).json() for options in ({}, {"words": 0})]
    for name, each in zip(("First search", "Second search"), measured, strict=True):
        quality = page.get_by_role("region", name=name).locator(".quality output")
        expect(quality).to_have_text(f"{each['ndcg_at_10']:.3f}")
    table = page.get_by_role("group", name="Judged queries").locator("tbody tr")
    expect(table).to_have_count(len(measured[0]["by_query"]))
    values = [{each["query"]: each["ndcg_at_10"] for each in side["by_query"]} for side in measured]
    for row in table.all():
        query = row.locator("th").inner_text()
        assert row.locator("td").all_inner_texts()[:2] == [f"{side[query]:.3f}" for side in values]


@pytest.mark.usefixtures("judged")
def test_a_judged_query_is_a_link_that_keeps_the_settings(visit: Visit) -> None:
    page = settled(visit(f"/?view=compare&q={QUERY}&b.words=0"))
    page.get_by_role("link", name=JUDGED[1][0]).click()
    expect(page.get_by_role("searchbox")).to_have_value(JUDGED[1][0])
    expect(page.locator(".compact").first).to_contain_text("Sea otter")
    expect(page).to_have_url(re.compile(r"b\.words=0"))
