"""Whatever documents, files and addresses hold is shown as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline
from tests.support.browser import Visit
from tests.support.redis_server import RedisServer
from tests.support.served import served
from tests.support.shown import settled

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'><iframe srcdoc='<script>alert(1)</script>'></iframe>",
    '<a href="javascript:alert(1)">lion</a>',
    "</title></main><style>*{display:none}</style>",
    "<!-- &lt;b&gt; {{7*7}} ${alert(1)} \u202e\ufeff\u0000 \U0001f981",
    "__proto__",
    "constructor",
]
QUERY = "a lion sleeps"


@pytest.fixture(scope="module")
def url(encoder: Encoder, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service whose documents are all hostile."""
    folder = str(tmp_path_factory.mktemp("hostile") / "index")
    settings = Settings(index_url=folder, redis_url=redis.url)  # type: ignore[arg-type]
    documents = [
        Document(f"{text} {n}", f"A lion sleeps. {text} The lion wakes.", title=f"Lion {text}", metadata={text: text})
        for n, text in enumerate(HOSTILE)
    ]
    with open_index(settings) as index:
        Pipeline(encoder, index, settings).run(documents)
    with served(settings) as url:
        yield url


def is_text(page: Page) -> Page:
    """Nothing became an element: there are none of these in the page, and the browser runs no code (``visit``)."""
    settled(page)
    assert page.locator("#page :is(img, script, style, iframe, object, embed, [onload], [onerror])").count() == 0
    assert page.locator("a[href^=javascript]").count() == 0
    assert page.locator("#page > main").count() == 1
    return page


def has(page: Page, *texts: str) -> None:
    said = page.locator("main").evaluate("(main) => main.textContent")
    for text in texts:
        assert text in said, text


def test_hits_and_facets_show_it(visit: Visit) -> None:
    page = is_text(visit(f"/?q={QUERY}"))
    expect(page.locator(".hit")).to_have_count(len(HOSTILE))
    for text in HOSTILE:
        has(page, f"Lion {text}", f"A lion sleeps. {text} The lion wakes.", f"{text}: {text}")
        if '"' in text:  # Qdrant has no path to such a field
            continue
        page.get_by_role("group", name=text, exact=True).get_by_role("checkbox").check()
        page = is_text(page)
        expect(page.locator(".hit")).to_have_count(1)
        page.get_by_role("button", name="Clear").click()
        expect(page.locator(".hit")).to_have_count(len(HOSTILE))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_query_shows_it(visit: Visit, text: str) -> None:
    page = is_text(visit(f"/?q={quote(f'lion {text}')}"))
    expect(page.get_by_role("searchbox")).to_have_value(f"lion {text}")
    page.get_by_text("This search as code").click()
    for language in ("Python", "curl"):
        page.get_by_role("button", name=language).click()
        is_text(page)


def test_the_reasons_show_it(visit: Visit) -> None:
    page = is_text(visit(f"/?q={QUERY}&why=1-2"))
    options = page.get_by_role("dialog").get_by_role("combobox").first.locator("option").all_text_contents()
    assert {option.partition(". ")[2] for option in options} == {f"Lion {text}" for text in HOSTILE}


@pytest.mark.parametrize(("number", "text"), list(enumerate(HOSTILE)))
def test_a_document_shows_it(visit: Visit, number: int, text: str) -> None:
    page = is_text(visit(f"/?view=document&id={quote(f'{text} {number}')}&q={quote(text)}"))
    has(page, f"Lion {text}", f"{text} {number}", f"A lion sleeps. {text} The lion wakes.", f"“{text}”")
    page.get_by_role("button", name="Delete").click()
    has(is_text(page), f"{text} {number} and its passages leave")


def test_two_searches_show_it(visit: Visit) -> None:
    page = is_text(visit(f"/?q={QUERY}&view=compare"))
    has(page, *(f"Lion {text}" for text in HOSTILE))


@pytest.mark.parametrize("text", HOSTILE)
def test_an_address_shows_it(visit: Visit, text: str) -> None:
    page = visit(f"/?view=document&id={quote(text)}", refused={(404, "/v1/documents")})
    expect(is_text(page).get_by_role("alert")).to_contain_text("there is no document")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_file_s_preview_shows_it(visit: Visit, tmp_path: Path, text: str) -> None:
    record = {"id": text, "text": text, "title": text, text: text}
    page = settled(visit("/?view=ingest"))
    name = f"{text.replace('/', '')}.jsonl".replace("\x00", "")
    content = f"{json.dumps(record)}\n{text}\n".encode()
    page.get_by_label("Drop a file here").set_input_files({"name": name, "mimeType": "", "buffer": content})
    expect(page.get_by_role("cell", name=text, exact=True).first).to_be_visible()
    has(is_text(page), name, text)
