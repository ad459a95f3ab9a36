"""The page of a document."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import expect

from postings import Document
from tests.support.browser import Visit
from tests.support.shown import settled


def test_it_shows_the_passages_with_their_weights_as_words(visit: Visit, http: httpx.Client) -> None:
    page = settled(visit("/?view=document&id=horses"))
    document = http.get("/v1/documents/horses", params={"weights": 40}).json()
    passages = page.locator(".passage")
    expect(passages).to_have_count(len(document["passages"]))
    assert len(document["passages"]) > 1
    for shown, passage in zip(passages.all(), document["passages"], strict=True):
        assert shown.locator(".text").inner_text() == passage["text"].strip()
        words = shown.locator(".weights li:not(.hint)").all_inner_texts()
        assert words == [f"{each['token']} {each['weight']:.2f}" for each in passage["weights"]]


def test_it_shows_id_version_and_metadata(visit: Visit) -> None:
    page = settled(visit("/?view=document&id=sea-otter"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Sea otter")
    facts = page.locator(".facts")
    names, values = facts.locator("dt").all_inner_texts(), facts.locator("dd").all_inner_texts()
    assert dict(zip(names, values, strict=True)) == {
        "Id": "sea-otter",
        "Version": "7",
        "owner": "ann",
        "shelf": "0",
        "grade": "0.5",
        "checked": "true",
        "topics": '["otter","nature"]',
    }


def test_a_document_that_is_not_there_is_named(visit: Visit) -> None:
    page = visit("/?view=document&id=nowhere", refused={(404, "/v1/documents")})
    expect(page.get_by_role("alert")).to_contain_text("nowhere")


@pytest.mark.parametrize("id", ["a/b?c=d#e", "50% & more", "ünïcode ☃", "."])
def test_any_id_has_a_page(visit: Visit, http: httpx.Client, id: str, put: Callable[[Document], None]) -> None:
    put(Document(id, "A snowman melts in the sun.", title=f"Odd {id}"))
    page = settled(visit("/?q=a snowman melts"))
    page.get_by_role("link", name=f"Odd {id}").click()
    expect(page.locator(".facts dd").first).to_have_text(id)


def test_one_that_is_newer_than_its_delete_stays_and_the_dialog_says_so(
    visit: Visit, http: httpx.Client, put: Callable[[Document], None]
) -> None:
    put(Document("later", "A text of the year 5138.", version=10**14))
    page = settled(visit("/?view=document&id=later"))
    page.get_by_role("button", name="Delete this document").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Not deleted: version 100000000000000 is newer.")
    assert http.get("/v1/documents/later").status_code == 200


def test_it_is_deleted_once_one_has_agreed(visit: Visit, http: httpx.Client, put: Callable[[Document], None]) -> None:
    put(Document("short", "Nobody needs this text.", title="Not needed"))
    page = settled(visit("/?view=document&id=short&q=text"))
    page.get_by_role("button", name="Delete this document").click()
    dialog = page.get_by_role("dialog", name="Delete this document?")
    dialog.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert http.get("/v1/documents/short").status_code == 200
    page.get_by_role("button", name="Delete this document").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("searchbox")).to_have_value("text")
    assert http.get("/v1/documents/short").status_code == 404
