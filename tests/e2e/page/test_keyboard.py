"""The keyboard alone does everything."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from tests.support.browser import Visit
from tests.support.shown import settled

FOCUSED = "document.activeElement.ariaLabel || document.activeElement.textContent.trim()"


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Press Tab until the control with this name has the focus, which can be seen."""
    for _ in range(200):
        page.keyboard.press(key)
        if str(page.evaluate(FOCUSED)).startswith(name):
            ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            shadow = page.evaluate("getComputedStyle(document.activeElement).boxShadow")
            assert (ring, shadow) != ("none", "none"), f"nobody sees that {name} has the focus"
            return
    raise AssertionError(f"{name} can't be reached")


def test_it_searches_asks_why_and_judges(visit: Visit, http: httpx.Client) -> None:
    page = visit()
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("an animal that floats")
    expect(page.locator(".hit h3").first).to_have_text("Sea otter")
    settled(page)
    tab_to(page, "Why here?")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Why is this above that?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert page.evaluate(FOCUSED) == "Why here?"
    tab_to(page, "✓ right")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="right", pressed=True)).to_have_count(1)
    judged = http.get("/v1/judgements", params={"query": "an animal that floats"}).json()["judgements"]
    assert [(each["id"], each["grade"]) for each in judged] == [("sea-otter", 1)]
    assert page.evaluate(FOCUSED) == "✓ right", "the focus stays"
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="right", pressed=True)).to_have_count(0)


def test_a_slash_leads_to_the_query(visit: Visit) -> None:
    page = settled(visit("/?q=otter"))
    page.keyboard.press("/")
    box = page.get_by_role("searchbox")
    expect(box).to_be_focused()
    page.keyboard.type("volcano/lava")
    expect(box).to_have_value("volcano/lava")


def test_it_weighs_terms_and_filters(visit: Visit) -> None:
    page = settled(visit("/?q=where do bees find food"))
    tab_to(page, "Weight of exact words")
    page.keyboard.press("Home")
    expect(page).to_have_url("/?q=where+do+bees+find+food&words=0")
    expect(page.locator(".hit .token.word")).to_have_count(0)
    page.get_by_role("group", name="owner").get_by_label("ann").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("group", name="owner").get_by_label("ann")).to_be_checked()
    expect(page.locator(".hit .about", has_text="owner: bob")).to_have_count(0)


def test_a_dialog_keeps_the_focus_and_gives_it_back(visit: Visit) -> None:
    page = settled(visit("/?q=otter"))
    tab_to(page, "Why here?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    tab_to(page, "Close")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate(FOCUSED) == "Why here?"


def test_a_new_view_begins_where_it_begins(visit: Visit) -> None:
    page = settled(visit("/?q=otter"))
    tab_to(page, "Sea otter")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Sea otter")
    assert page.evaluate("document.activeElement.nodeName") == "MAIN"
    tab_to(page, "← Results")
    page.keyboard.press("Enter")
    expect(page.locator(".hit").first).to_be_visible()
