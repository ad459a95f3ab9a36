"""No view, in any state, light or dark, has a violation that axe-core knows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from postings import Document, Settings
from postings_ingest import Counts, Ledger
from postings_ingest.queue.dead_letters import letter
from postings_ingest.queue.messages import to_json
from tests.support.axe import violations
from tests.support.browser import Visit
from tests.support.shown import settled

Reach = Callable[[Visit], Page]


def at(path: str, **options: object) -> Reach:
    """A view that an address shows."""
    return lambda visit: settled(visit(path, **options))


def lit(visit: Visit) -> Page:
    page = settled(visit("/?q=an animal that floats"))
    page.locator(".token").first.focus()
    expect(page.locator("mark.lit").first).to_be_visible()
    return page


def code(visit: Visit) -> Page:
    page = settled(visit("/?q=otter"))
    page.get_by_text("This search as code").click()
    return page


def judged(visit: Visit) -> Page:
    page = settled(visit("/?q=otter"))
    for name, at_ in (("right", 0), ("wrong", 1)):
        button = page.get_by_role("button", name=name).nth(at_)
        if button.get_attribute("aria-pressed") == "false":
            button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
    return settled(page)


def asked_to_delete(visit: Visit) -> Page:
    page = settled(visit("/?view=document&id=sea-otter"))
    page.get_by_role("button", name="Delete").click()
    return page


def loading(visit: Visit) -> Page:
    """The answer never comes."""
    page = settled(visit("/"))
    page.route("**/v1/search", lambda route: None)
    page.get_by_role("searchbox").fill("otter")
    expect(page.locator('[aria-busy="true"]').first).to_be_attached()
    return page


def previewed(visit: Visit) -> Page:
    page = settled(visit("/?view=ingest"))
    rows = b"sku,name,text\nS1,Shoe,A shoe.\nS2,,\n"
    page.locator("input[type=file]").set_input_files({"name": "shop.csv", "mimeType": "text/csv", "buffer": rows})
    page.get_by_role("combobox", name="Id").select_option("sku")
    expect(page.locator(".rejected")).to_be_visible()
    return settled(page)


def failed(visit: Visit) -> Page:
    """A job with a dead letter."""
    page = settled(visit("/?view=ingest"))
    expect(page.locator(".letters li")).to_have_count(1)
    return page


UNREACHED = {(0, f"/v1/{path}") for path in ("search", "judgements", "judgements/evaluate", "facets")}


def broken(visit: Visit) -> Page:
    """Nothing can be reached any more."""
    page = settled(visit("/", refused=UNREACHED))
    page.context.set_offline(True)
    page.get_by_role("searchbox").fill("otter")
    expect(page.get_by_role("alert").first).to_contain_text("doesn't answer")
    return page


NOWHERE = {(404, f"/v1/collections/nowhere{rest}") for rest in ("", "/models")}

OWNER = '{"field":"owner","value":"ann","condition":{"key":"metadata.owner","match":{"value":"ann"}}}'

STATES: dict[str, Reach] = {
    "start": at("/"),
    "results": at("/?q=an animal that floats"),
    "lit": lit,
    "nothing found": at("/?q=%E2%98%83"),
    "filtered": at(f'/?q=otter&filter=[{OWNER}]&words=1.2&weights={{"otter":0}}'),
    "judged": judged,
    "code": code,
    "reasons": at("/?q=otter&why=1-2"),
    "document": at("/?q=otter&view=document&id=sea-otter"),
    "long document": at("/?view=document&id=horses"),
    "no document": at("/?view=document&id=nothing", refused={(404, "/v1/documents")}),
    "deleting": asked_to_delete,
    "comparison": at("/?q=otter&view=compare&b.words=0"),
    "empty comparison": at("/?view=compare"),
    "ingestion": at("/?view=ingest"),
    "preview": previewed,
    "dead letters": failed,
    "status": at("/?view=status"),
    "no collection": at("/?in=nowhere", refused=NOWHERE),
    "loading": loading,
    "broken": broken,
    "empty collection": at("/?in=empty"),
}


@pytest.fixture(scope="module", autouse=True)
def dead_letter(settings: Settings) -> None:
    """A document that could not be indexed."""
    ledger = Ledger(settings)
    now = ledger.register("bad", "{}", 1, "job-of-a-letter", "bulk")
    lease = ledger.start("bad", 60)
    assert lease is not None
    ledger.finish(lease, Counts(), [letter(to_json(Document("lost", "A text.")), "EncodingFailed", "no reason", now)])


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_in_either_color_scheme(visit: Visit, state: str) -> None:
    page = STATES[state](visit)
    found, backgrounds = {}, set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        backgrounds.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
        found[scheme] = violations(page)
    assert found == {"light": [], "dark": []}
    assert len(backgrounds) == 2


def test_axe_finds_what_is_wrong(visit: Visit) -> None:
    """So that the test above can fail."""
    page = settled(visit("/"))
    page.evaluate("document.querySelector('[type=search]').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('[type=search]').removeAttribute('placeholder')")
    page.evaluate("document.querySelector('.brand').style.color = '#999'")
    assert {each.partition(":")[0] for each in violations(page)} == {"label", "color-contrast"}
