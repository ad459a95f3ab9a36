"""Search as you type, and what each hit says about its score."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Visit
from tests.support.shown import key_of, marked, settled, spans_of

QUERY = "an animal that floats on its back"

TYPE_FAST = """async (text) => {
    const box = document.querySelector("input[type=search]");
    for (const letter of text) {
        box.value += letter;
        box.dispatchEvent(new InputEvent("input", {bubbles: true}));
        await new Promise((resolve) => setTimeout(resolve));
    }
}"""


@pytest.fixture
def hits(http: httpx.Client) -> list[dict[str, Any]]:
    """What the API answers."""
    answer = http.post("/v1/search", json={"query": QUERY, "explain": True}).json()
    found: list[dict[str, Any]] = answer["hits"]
    assert len(found) == 10
    return found


@pytest.fixture
def page(visit: Visit) -> Page:
    """The view of it."""
    page: Page = visit(f"/?q={QUERY}")
    return settled(page)


def test_hits_come_as_one_types(visit: Visit) -> None:
    page = visit()
    page.get_by_role("searchbox", name="Query").press_sequentially("an animal that floats")
    expect(page.locator(".hit h3").first).to_have_text("Sea otter")
    expect(page).to_have_url("/?q=an+animal+that+floats")


def test_no_letter_is_lost_however_fast_one_types(visit: Visit) -> None:
    page = visit()
    box = page.get_by_role("searchbox")
    expect(box).to_be_visible()
    text = "an animal that floats on its back and cracks clams with a stone"
    page.evaluate(TYPE_FAST, text)
    expect(box).to_have_value(text)


def test_a_search_that_failed_may_be_tried_again(visit: Visit) -> None:
    paths = ("search", "judgements", "judgements/evaluate", "facets")
    page = settled(visit("/", refused={(0, f"/v1/{path}") for path in paths}))
    page.context.set_offline(True)
    page.get_by_role("searchbox").fill("an animal that floats")
    alert = page.get_by_role("alert").first
    expect(alert).to_contain_text("doesn't answer")
    page.context.set_offline(False)
    alert.get_by_role("button", name="Try again").click()
    expect(page.locator(".hit h3").first).to_have_text("Sea otter")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_what_is_marked_is_the_evidence_of_the_api(page: Page, hits: list[dict[str, Any]]) -> None:
    for button in page.get_by_role("button", name="Whole passage").all():
        button.click()
    for hit, card in zip(hits, page.locator(".hit").all(), strict=True):
        assert marked(card.locator(".text")) == (hit["text"], spans_of(hit, "evidence"))
        assert marked(card.locator("h3 a")) == (hit["title"], spans_of(hit, "title_evidence"))


def test_a_cut_text_shows_evidence(visit: Visit, http: httpx.Client) -> None:
    query = "number 77"
    page = settled(visit(f"/?q={query}"))
    (hit,) = http.post("/v1/search", json={"query": query, "limit": 1, "explain": True}).json()["hits"]
    text, spans = marked(page.locator(".hit .text").first)
    assert len(text) < 500 < len(hit["text"])
    assert "77" in {text[min(characters) : max(characters) + 1] for characters in spans.values()}
    assert text.removeprefix("… ").removesuffix(" …") in hit["text"]


def test_bars_are_as_wide_as_the_contributions(page: Page, hits: list[dict[str, Any]]) -> None:
    sums = [sum(each["contribution"] for each in hit["contributions"]) for hit in hits]
    whole = page.locator(".bar").first.evaluate("(bar) => bar.getBoundingClientRect().width")
    for hit, total, bar in zip(hits, sums, page.locator(".bar").all(), strict=True):
        shown = bar.evaluate(
            "(bar) => [...bar.children].map((each) => [each.getBoundingClientRect().width, each.dataset.t])"
        )
        parts = {token: width for width, token in shown if token}
        expected = {key_of(each): each["contribution"] / max(sums) * whole for each in hit["contributions"][:12]}
        assert parts == pytest.approx(expected, abs=4)
        # Between two parts is a gap of a pixel.
        assert sum(width for width, _ in shown) == pytest.approx(total / max(sums) * whole, abs=13)


def test_words_and_meaning_have_two_colors(page: Page, hits: list[dict[str, Any]]) -> None:
    colors: dict[str, set[str]] = {"w": set(), "m": set()}
    for part in page.locator(".bar [data-t]").all():
        color, token = part.evaluate("(part) => [getComputedStyle(part).backgroundColor, part.dataset.t]")
        colors[token[0]].add(color)
    assert len(colors["w"]) == len(colors["m"]) == 1
    assert colors["w"] != colors["m"]


def test_expansions_stand_apart_with_the_words_that_fired_them(page: Page, hits: list[dict[str, Any]]) -> None:
    more = page.locator(".tokens button.plain", has_text="more")
    while more.count():
        more.first.click()
    for hit, card in zip(hits, page.locator(".hit").all(), strict=True):
        added, in_text = {}, set()
        for each in hit["contributions"]:
            words = [hit["title"][start:end] for start, end in each["title_evidence"]]
            words += [hit["text"][start:end] for start, end in each["evidence"]]
            lower = list(dict.fromkeys(word.lower() for word in words))
            if each["exact_word"] or each["token"].removeprefix("##").lower() in lower:
                in_text.add(key_of(each))
            else:
                added[key_of(each)] = lower or ["the whole passage"]
        tokens = card.locator(".token")
        kinds = tokens.evaluate_all("(all) => all.map((each) => [each.dataset.t, each.classList.contains('added')])")
        assert {token for token, is_added in kinds if not is_added} == in_text
        assert [is_added for _, is_added in kinds] == sorted(is_added for _, is_added in kinds), "those come last"
        fired = dict(
            tokens.locator(".from").evaluate_all(
                "(all) => all.map((each) => [each.parentElement.dataset.t, each.textContent.replace('←', '').trim()])"
            )
        )
        assert {token: text.lower().split(", ") for token, text in fired.items()} == added


@pytest.mark.parametrize("how", ["hover", "focus"])
def test_a_token_lights_its_spans_in_every_hit_and_says_its_share(
    page: Page, hits: list[dict[str, Any]], how: str
) -> None:
    best = max(hits[0]["contributions"], key=lambda each: len(each["evidence"]))
    token = key_of(best)
    button = page.locator(f".hit:first-child .token[data-t={token}]")
    button.hover() if how == "hover" else button.focus()
    expect(button).to_have_class("token lit")
    everywhere = page.locator(f"[data-t~={token}]")
    assert set(everywhere.evaluate_all("(all) => all.map((each) => each.classList.contains('lit'))")) == {True}
    assert everywhere.count() == page.locator(".lit").count()
    for hit, card in zip(hits, page.locator(".hit").all(), strict=True):
        found = [each for each in hit["contributions"] if key_of(each) == token]
        total = sum(each["contribution"] for each in hit["contributions"])
        for each in found:
            percent = 100 * each["contribution"] / total
            share = (
                f"{each['query_weight']:.2f} in the query × {each['document_weight']:.2f} here = "
                f"{each['contribution']:.2f}, {percent:.{1 if percent < 9.5 else 0}f} % of the score"
            )
            expect(card.locator(".share")).to_have_text(f"{each['token']} {share}")
            for shown in card.locator(f".token[data-t={token}]").all():
                expect(shown).to_have_accessible_description(share)
    page.get_by_role("searchbox").focus()
    page.get_by_role("searchbox").hover()
    expect(page.locator(".lit")).to_have_count(0)


def test_more_hits_are_shown_when_one_asks(page: Page) -> None:
    page.get_by_role("button", name="Show 20").click()
    expect(page.locator(".hit")).to_have_count(20)
    expect(page.locator(".summary")).to_contain_text("The best 20 passages")


def test_those_who_hear_the_page_are_told_what_was_found(visit: Visit) -> None:
    page = settled(visit())
    told = page.locator("#told")
    assert (told.get_attribute("aria-live"), told.inner_text()) == ("polite", ""), (
        "it is there before it says something"
    )
    page.get_by_role("searchbox").fill(QUERY)
    expect(told).to_have_text("The best 10 passages")
    page.get_by_role("button", name="Show 20").click()
    expect(told).to_have_text("The best 20 passages")


def test_a_token_stays_lit_where_it_is_in_other_hits(page: Page) -> None:
    token = page.locator(".token").first
    key = token.get_attribute("data-t")
    token.click()
    page.get_by_role("slider", name="Weight of exact words").fill("0")
    page.get_by_role("button", name="Show 20").click()
    expect(page.locator(".hit")).to_have_count(20)
    settled(page).evaluate("scrollTo(0, 0)")
    page.get_by_role("searchbox").hover()
    for button in page.locator(".tokens button.plain").all():
        button.evaluate("(more) => more.click()")
    everywhere = page.locator(f"[data-t~={key}]").count()
    expect(page.locator(".lit")).to_have_count(everywhere)
    expect(page.locator(f".lit[data-t~={key}]")).to_have_count(everywhere)
