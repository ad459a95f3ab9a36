"""Every view is a link, and "back" leads where one was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Visit
from tests.support.shown import settled, shown, titles
from tests.support.worker import until


def searched(page: Page) -> None:
    page.get_by_role("searchbox").fill("where do bees find food")


def filtered(page: Page) -> None:
    searched(page)
    page.get_by_role("group", name="owner").get_by_label("ann").check()
    page.get_by_role("group", name="checked").get_by_label("false").check()


def weighted(page: Page) -> None:
    searched(page)
    page.get_by_role("checkbox", name="find", exact=True).first.uncheck()
    page.get_by_role("slider", name="Weight of exact words").fill("1.5")


def fused(page: Page) -> None:
    searched(page)
    page.get_by_label("Scores joined by").select_option("rrf")


def longer(page: Page) -> None:
    searched(page)
    page.get_by_role("button", name="Show 20").click()


def asked_why(page: Page) -> None:
    searched(page)
    page.get_by_role("button", name="Why here?").nth(3).click()
    page.get_by_role("dialog").get_by_role("combobox").first.select_option("1")


def opened(page: Page) -> None:
    searched(page)
    page.get_by_role("link", name="Honeybee dance").click()
    expect(page.get_by_role("heading", name="Honeybee dance")).to_be_visible()


def compared(page: Page) -> None:
    searched(page)
    page.get_by_role("link", name="Compare").click()
    second = page.get_by_role("region", name="Second search")
    second.get_by_role("slider").fill("0")
    expect(page.locator(".moves path").first).to_be_attached()


def ingesting(page: Page) -> None:
    page.get_by_role("link", name="Ingest").click()


def status(page: Page) -> None:
    page.get_by_role("link", name="Status").click()


VIEWS = [searched, filtered, weighted, fused, longer, asked_why, opened, compared, ingesting, status]


@pytest.mark.parametrize("reach", VIEWS, ids=lambda reach: reach.__name__)
def test_a_view_s_address_shows_the_same_view(visit: Visit, reach: Callable[[Page], None]) -> None:
    page = visit()
    start = shown(page)
    reach(page)
    until(lambda: shown(page) != start, "the view changes")
    page.mouse.move(0, 0)  # under it, a token is lit
    view = shown(page)
    again = visit(page.url)

    def is_same() -> bool:
        if again.url != page.url:  # it was written a moment later: not each place of a slider is
            again.goto(page.url)
        return shown(again) == view

    until(is_same, f"{page.url} shows the same")
    page.reload()
    until(lambda: shown(page) == view, f"{page.url} shows the same after a reload")


def test_back_leads_to_the_results_and_to_the_query_before(visit: Visit) -> None:
    page = visit("/?q=volcano")
    first = titles(page)
    page.get_by_role("searchbox").fill("sailing by the stars")
    until(lambda: titles(page) != first, "other hits")
    second = titles(page)
    page.locator(".hit h3 a").first.click()
    expect(page.locator("h1")).to_have_text(second[0])
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("sailing by the stars")
    until(lambda: titles(page) == second, "the second hits")
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("volcano")
    until(lambda: titles(page) == first, "the first hits")
    page.go_forward()
    expect(page.get_by_role("searchbox")).to_have_value("sailing by the stars")


def test_a_document_leads_back_to_its_results(visit: Visit) -> None:
    page = visit("/?q=volcano")
    first = titles(page)
    page.locator(".hit h3 a").first.click()
    page.get_by_role("link", name="Results for").click()
    until(lambda: titles(page) == first, "the hits")


def test_a_link_opens_in_a_new_tab_as_links_do(visit: Visit) -> None:
    page = settled(visit("/?q=volcano"))
    with page.context.expect_page() as opened:
        page.locator(".hit h3 a").first.click(modifiers=["ControlOrMeta"])
    expect(opened.value.locator("h1")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("volcano")


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("/", "Postings"),
        ("/?q=owl", "owl – Postings"),
        ("/?q=owl&view=compare", "Compare – Postings"),
        ("/?view=ingest", "Ingest – Postings"),
        ("/?q=owl&view=document&id=sea-otter", "Sea otter – Postings"),
    ],
)
def test_a_view_s_title_says_which_it_is(visit: Visit, address: str, title: str) -> None:
    expect(visit(address)).to_have_title(title)


@pytest.mark.parametrize(
    "address",
    [
        "filter={",
        "filter=7",
        "filter=null",
        'filter={"owner":7}',
        "filter=[7]",
        'filter=[{"field":"owner","value":"ann"}]',
        "weights=[1]",
        'weights={"m1":"x"}',
        "why=a-b",
        "why=7-99",
        "view=nowhere",
        "limit=x",
        "limit=-1",
        "words=x",
        "fusion=x",
    ],
)
def test_an_address_that_nobody_made_shows_a_view_or_what_is_wrong(visit: Visit, address: str) -> None:
    page = visit(f"/?q=otter&{address}", refused={(422, "/v1/search"), (422, "/v1/judgements/evaluate")})
    expect(page.locator(".hit, [role=alert]").first).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("otter")
