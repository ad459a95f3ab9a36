"""The query's own terms, the weight of exact words, and filters."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import Visit
from tests.support.shown import settled, titles

QUERY = "where do bees find food"


@pytest.fixture
def page(visit: Visit) -> Page:
    return settled(visit(f"/?q={QUERY}"))


def searched(http: httpx.Client, **body: Any) -> list[str]:
    """What the API finds."""
    answer = http.post("/v1/search", json={"query": QUERY, "explain": True} | body)
    assert answer.status_code == 200, answer.text
    return [hit["title"] for hit in answer.json()["hits"]]


def value_of(page: Page, field: str, label: str) -> Locator:
    """The box of a filter, whose name has a count, too."""
    named = page.get_by_text(label, exact=True)
    return page.get_by_role("group", name=field).locator("label", has=named).get_by_role("checkbox")


def terms_of(http: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.post("/v1/search", json={"query": QUERY, "explain": True}).json()["terms"]
    return found


def test_the_terms_are_those_that_were_searched(page: Page, http: httpx.Client) -> None:
    shown = zip(
        page.locator(".terms .name").all_text_contents(), page.locator(".terms output").all_inner_texts(), strict=True
    )
    assert [(name, weight) for name, weight in shown] == [
        (each["token"], f"{each['weight']:.2f}") for each in terms_of(http)
    ]


def test_a_term_that_is_switched_off_is_not_searched(page: Page, http: httpx.Client) -> None:
    terms = terms_of(http)
    first = page.locator(".terms li").first
    with page.expect_request("**/v1/search") as asked:
        first.get_by_role("checkbox").uncheck()
    sent = json.loads(asked.value.post_data or "")["query"]
    assert sent == {"text": QUERY, "terms": [{**each, "weight": 0} if each is terms[0] else each for each in terms]}
    expect(first.locator("output")).to_have_text("0.00")
    expect(page.locator(f".hit [data-t={'w' if terms[0]['exact_word'] else 'm'}{terms[0]['index']}]")).to_have_count(0)
    assert titles(page) == searched(http, query=sent)
    page.get_by_role("button", name="Reset").click()
    expect(first.get_by_role("checkbox")).to_be_checked()
    assert titles(page) == searched(http)


def test_a_weight_that_is_dragged_is_searched_at_once(page: Page, http: httpx.Client) -> None:
    terms = terms_of(http)
    at = next(number for number, each in enumerate(terms) if each["token"] == "food" and not each["exact_word"])
    slider = page.locator(".terms li").nth(at).get_by_role("slider")
    slider.fill("0.5")
    sent = {"text": QUERY, "terms": [{**each, "weight": 0.5} if each is terms[at] else each for each in terms]}
    assert titles(page) == searched(http, query=sent)
    slider.press("ArrowRight")
    expect(page.locator(".terms output").nth(at)).to_have_text("0.51")


def test_weights_belong_to_their_query(page: Page) -> None:
    page.locator(".terms li").first.get_by_role("checkbox").uncheck()
    page.get_by_role("searchbox").fill("volcano")
    expect(page.locator(".terms .name").first).to_have_text("volcano")
    expect(page.get_by_role("button", name="Reset")).to_have_count(0)
    expect(page.locator(".terms li.off")).to_have_count(0)


@pytest.mark.parametrize("weight", [0, 2])
def test_the_slider_weighs_exact_words(page: Page, http: httpx.Client, weight: float) -> None:
    page.get_by_role("slider", name="Weight of exact words").fill(str(weight))
    assert titles(page) == searched(http, words=weight)
    has_words = page.locator(".bar .word").count() > 0
    assert has_words == (weight > 0)


def test_scores_can_be_joined_by_rank(page: Page, http: httpx.Client) -> None:
    page.get_by_label("Scores joined by").select_option("rrf")
    expect(page.get_by_role("slider", name="Weight of exact words")).to_have_count(0)
    assert titles(page) == searched(http, fusion="rrf")
    # Such a score has no parts.
    token = page.locator(".hit .token").first
    token.hover()
    share = page.locator(".hit .share").first
    expect(share).to_contain_text("in the query")
    expect(share).not_to_contain_text("of the score")
    expect(token).not_to_have_accessible_description(re.compile("of the score"))


def test_filters_are_the_values_of_the_metadata(page: Page, http: httpx.Client) -> None:
    facets = http.post("/v1/facets", json={}).json()["fields"]
    assert {"owner", "shelf", "grade", "checked", "topics"} <= {*facets}
    for field, values in facets.items():
        group = page.get_by_role("group", name=field, exact=True)
        shown = [name.lower() for name in group.locator(".name").all_text_contents()]
        assert shown == [str(each["value"]).removesuffix(".0").lower() for each in values]


@pytest.mark.parametrize(("field", "label"), [("owner", "ann"), ("shelf", "3"), ("grade", "1.5"), ("checked", "true")])
def test_a_filter_leaves_what_has_the_value(page: Page, field: str, label: str) -> None:
    before = titles(page)
    value_of(page, field, label).check()
    expect(page.get_by_role("button", name="Clear")).to_be_visible()
    found = settled(page).locator(".about").all_text_contents()
    assert found
    assert all(f"{field}: {label}" in each for each in found)
    page.get_by_role("button", name="Clear").click()
    assert titles(page) == before


def test_values_of_a_field_are_either_and_fields_are_both(page: Page) -> None:
    value_of(page, "shelf", "1").check()
    value_of(page, "shelf", "2").check()
    value_of(page, "owner", "bob").check()
    expect(page).to_have_url(re.compile("owner"))
    for about in settled(page).locator(".about").all_text_contents():
        assert "owner: bob" in about
        assert "shelf: 1" in about or "shelf: 2" in about
