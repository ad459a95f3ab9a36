"""Why one hit is above another."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import Visit
from tests.support.shown import settled

QUERY = "where do bees find food"


@pytest.fixture
def hits(http: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.post("/v1/search", json={"query": QUERY, "explain": True}).json()["hits"]
    return found


def parts(hit: dict[str, Any]) -> dict[tuple[str, bool], float]:
    return {(each["token"], each["exact_word"]): each["contribution"] for each in hit["contributions"]}


def rows(dialog: Locator) -> list[tuple[str, bool, str]]:
    """Token, whether it is an exact word, and the difference."""
    return [
        (
            row.locator("th").inner_text().strip(),
            row.locator("th .word").count() == 1,
            row.locator("td").last.inner_text().strip(),
        )
        for row in dialog.locator("tbody tr").all()
    ]


def expected(above: dict[str, Any], below: dict[str, Any]) -> set[tuple[str, bool, str]]:
    a, b = parts(above), parts(below)
    differences = {key: a.get(key, 0) - b.get(key, 0) for key in a | b}
    return {(token, word, signed(value)) for (token, word), value in differences.items()}


def signed(value: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{abs(value):.{1 if abs(value) >= 10 else 2}f}"


def test_it_shows_the_difference_of_each_tokens_part(visit: Visit, hits: list[dict[str, Any]]) -> None:
    page: Page = settled(visit(f"/?q={QUERY}"))
    page.get_by_role("button", name="Why here?").nth(2).click()
    dialog = page.get_by_role("dialog", name="Why is this above that?")
    found = rows(dialog)
    assert {*found} == expected(hits[1], hits[2])
    sizes = [abs(float(text.replace("−", "-").replace("±", ""))) for _, _, text in found]
    assert sizes == sorted(sizes, reverse=True), "the largest difference comes first"
    total = sum(parts(hits[1]).values()) - sum(parts(hits[2]).values())
    assert dialog.locator("tfoot td").last.inner_text() == signed(total)


def test_any_two_hits_can_be_chosen(visit: Visit, hits: list[dict[str, Any]]) -> None:
    page: Page = settled(visit(f"/?q={QUERY}&why=1-2"))
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").first.select_option("7")
    expect(dialog.get_by_role("heading")).to_have_text("Why is this below that?")
    assert {*rows(dialog)} == expected(hits[6], hits[1])
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"^[^?]*\?q=[^&]*$"))


def test_a_dialog_that_was_closed_is_no_step_back(visit: Visit) -> None:
    page = settled(visit("/?view=status"))
    page.get_by_role("link", name="Search").click()
    page.get_by_role("searchbox").fill(QUERY)
    settled(page)
    steps = page.evaluate("history.length")
    for _ in range(2):
        page.get_by_role("button", name="Why here?").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page).not_to_have_url(re.compile("why"))
    assert page.evaluate("history.length") <= steps + 1, "what is ahead is that dialog"
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_the_bars_go_to_the_side_of_the_larger_part(visit: Visit, hits: list[dict[str, Any]]) -> None:
    page = settled(visit(f"/?q={QUERY}&why=1-2"))
    for row in page.get_by_role("dialog").locator("tbody tr").all():
        middle, left, right = row.locator(".diverging").evaluate(
            """(bar) => {
                const [whole, part] = [bar, bar.firstElementChild].map((each) => each.getBoundingClientRect());
                return [(whole.left + whole.right) / 2, part.left, part.right];
            }"""
        )
        side = right - middle if row.locator("td").last.inner_text().strip().startswith("+") else middle - left
        assert side >= 0
        assert abs((right - left) - side) < 1
