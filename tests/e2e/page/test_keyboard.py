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


def test_a_shortcut_with_a_modifier_leads_to_the_query(visit: Visit) -> None:
    """One letter alone would be in the way of those who speak to their browser."""
    page = settled(visit("/?q=otter"))
    box = page.get_by_role("searchbox")
    for key in ("/", "k"):
        page.keyboard.press(key)
        expect(box).not_to_be_focused()
    page.keyboard.press(box.get_attribute("aria-keyshortcuts") or "none is told")
    expect(box).to_be_focused()
    page.keyboard.type("volcano/lava")
    expect(box).to_have_value("volcano/lava")


def test_a_link_skips_to_the_results(visit: Visit) -> None:
    page = settled(visit("/?q=otter"))
    page.get_by_role("searchbox").focus()
    tab_to(page, "Skip to results")
    assert page.locator(":focus").bounding_box()["height"] > 10, "it is seen"  # type: ignore[index]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(".hit").first.get_by_role("link")).to_be_focused()


def test_what_is_seen_first_has_the_focus_first(visit: Visit) -> None:
    page = settled(visit("/?q=otter", width=320))
    page.get_by_role("searchbox").focus()
    tops = []
    for _ in range(8):
        page.keyboard.press("Tab")
        if "unseen" not in (page.locator(":focus").get_attribute("class") or ""):
            tops.append(page.evaluate("document.activeElement.getBoundingClientRect().top + scrollY"))
    assert len(tops) > 5
    assert tops == sorted(tops)


def test_a_token_that_is_pressed_stays_lit(visit: Visit) -> None:
    page = settled(visit("/?q=an animal that floats"))
    token = page.locator(".token").first
    key = token.get_attribute("data-t")
    token.focus()
    page.keyboard.press("Enter")
    expect(token).to_have_attribute("aria-pressed", "true")
    page.get_by_role("searchbox").focus()
    everywhere = page.locator(f"[data-t~={key}]")
    expect(page.locator(".lit")).to_have_count(everywhere.count())
    for release in ("Enter", "Escape"):
        token.focus()
        page.keyboard.press(release)
        expect(page.locator(".token[aria-pressed=true]")).to_have_count(0)
        page.get_by_role("searchbox").focus()
        expect(page.locator(".lit")).to_have_count(0)
        token.focus()
        page.keyboard.press("Enter")


def test_the_focus_is_seen_with_the_colors_of_the_system(visit: Visit) -> None:
    """These take shadows away, and color each outline."""
    page = settled(visit("/?q=otter"))
    page.emulate_media(forced_colors="active")
    page.get_by_role("searchbox").focus()
    style = "getComputedStyle(document.activeElement)"
    outline = [page.evaluate(f"{style}.{name}") for name in ("outlineStyle", "outlineWidth")]
    assert outline == ["solid", "2px"]


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


def test_back_gives_the_focus_back_from_a_dialog(visit: Visit) -> None:
    page = settled(visit("/?q=otter"))
    tab_to(page, "Why here?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
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
