"""A window that is 320 pixels wide, as with a zoom of 400 %, loses nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from postings import Document
from tests.support.browser import Visit
from tests.support.shown import settled

VIEWS = [
    "/",
    "/?q=an animal that floats on its back",
    "/?q=otter&why=1-2",
    "/?q=otter&view=document&id=sea-otter",
    "/?view=document&id=horses",
    "/?q=otter&view=compare&b.words=0",
    "/?view=ingest",
    "/?view=status",
    "/?in=empty",
]

_CUT = """() => [...document.querySelectorAll("body *")].filter((each) => {
    if (each.closest(".unseen, svg, .scroll, pre, progress, input")) return false;
    const style = getComputedStyle(each);
    const hides = style.overflowX !== "visible" || style.overflowY === "hidden" || style.overflowY === "clip";
    const isWide = each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0 && style.display !== "inline";
    const isHigh = each.scrollHeight > each.clientHeight + 1 && style.overflowY === "hidden";
    const box = each.getBoundingClientRect();
    const isOut = box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
    return isOut || (hides && (isWide || isHigh));
}).map((each) => `${each.outerHTML.slice(0, 200)} ${each.scrollWidth} > ${each.clientWidth}`)"""
"""Elements that reach out of the window, or hide a part of what they hold. Tables and code scroll by themselves."""


def scrolls_sideways(page: Page) -> bool:
    wide: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wide


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_cut_and_no_view_scrolls_sideways(visit: Visit, view: str) -> None:
    page = settled(visit(view, width=320, height=740))
    assert not scrolls_sideways(page)
    assert page.evaluate(_CUT) == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_narrow_view_has_all_that_a_wide_one_has(visit: Visit, view: str) -> None:
    """Each control and each text is visible in both, except the lines between two lists."""
    names = []
    for width in (320, 1280):
        page = settled(visit(view, width=width))
        if "view=status" in view:  # whose worker may still be starting
            expect(page.get_by_role("heading", name="Workers")).to_be_visible()
        within = "dialog " if "why=" in view else ""  # what is behind it can't be reached
        more = page.get_by_role("button", name="Terms and filters")
        if more.is_visible() and not within:
            more.click()
        controls = page.locator(f"{within}:is(a, button, input, select, h1, h2, h3, summary, th, dt):visible")
        found = controls.evaluate_all("(all) => all.map((each) => each.ariaLabel ?? each.textContent)")
        names.append({*found} - {"Terms and filters"})
    assert names[0] == names[1]


def test_a_long_title_takes_two_lines_of_a_hit(visit: Visit, put: Callable[[Document], None]) -> None:
    title = "Zeppelins " * 200
    put(Document("zeppelin", "A zeppelin moors at a mast.", title=title))
    page = settled(visit("/?q=a zeppelin at a mast", width=320))
    link = page.locator(".hit h3 a", has_text="Zeppelins").first
    height, line = link.evaluate("(link) => [link.clientHeight, parseFloat(getComputedStyle(link).lineHeight)]")
    assert height <= 2.1 * line
    link.click()
    expect(page.locator("h1")).to_have_text(title.strip())
    assert page.locator("h1").evaluate("(title) => title.clientHeight") > 10 * line
