"""Who may do what, as the page shows it."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from postings import Encoder, Settings, open_index
from postings_ingest import Pipeline
from postings_serve.keys import Key, KeyFile, Scope
from tests.e2e.page.conftest import documents
from tests.support.axe import violations
from tests.support.browser import Visit
from tests.support.redis_server import RedisServer
from tests.support.shown import settled, titles

MakeKey = Callable[..., str]

UNKNOWN = {(401, "/v1/whoami")}
"""What the browser reports as an error, before there is a key that is known."""


@pytest.fixture(scope="module")
def settings(encoder: Encoder, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The owners of the documents share the index."""
    folder = str(tmp_path_factory.mktemp("keyed") / "index")
    settings = Settings(index_url=folder, redis_url=redis.url, tenant_field="owner")  # type: ignore[arg-type]
    with open_index(settings) as index:
        Pipeline(encoder, index, settings).run(documents())
    KeyFile.of_settings(settings).add(Key.create("first", frozenset({"admin"}))[0])
    return settings


@pytest.fixture
def key(settings: Settings, url: str) -> MakeKey:
    """Makes a key."""

    def make(*scopes: Scope, tenant: str | None = None) -> str:
        made, text = Key.create("test", frozenset(scopes), tenant)
        KeyFile.of_settings(settings).add(made)
        return text

    return make


def test_nothing_is_asked_and_nothing_told_without_a_key(visit: Visit, http: httpx.Client) -> None:
    page = visit("/?q=otter")
    expect(page.get_by_label("API key")).to_be_visible()
    assert '<meta name="caller" content="">' in http.get("/").text


def test_a_key_is_asked_for_and_a_wrong_one_refused(visit: Visit, key: MakeKey) -> None:
    page = visit("/?q=otter", refused=UNKNOWN)
    box = page.get_by_label("API key")
    expect(box).to_be_focused()
    expect(box).to_have_attribute("type", "password")
    box.fill("postings_000000000000_wrong")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("isn't known")
    box.fill(f" {key('read', tenant='ann')} ")
    page.get_by_role("button", name="Open").click()
    expect(page.locator(".hit").first).to_be_visible()
    page.reload()
    expect(page.locator(".hit").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_a_key_is_asked_for(visit: Visit, scheme: str) -> None:
    page = visit("/", dark=scheme == "dark", refused=UNKNOWN)
    page.get_by_label("API key").fill("wrong")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []


def test_a_key_is_kept_by_its_tab_alone(visit: Visit, key: MakeKey) -> None:
    text = key("read", tenant="ann")
    page = visit("/", refused=UNKNOWN)
    page.get_by_label("API key").fill(text)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("searchbox")).to_be_visible()
    assert page.evaluate("[localStorage.length, document.cookie, location.href]") == [0, "", page.url]
    assert text not in page.url
    other = page.context.new_page()
    other.goto("/")
    expect(other.get_by_label("API key")).to_be_visible()


VIEWS = [
    "/?q=otter",
    "/?q=otter&view=document&id=sea-otter",
    "/?q=otter&view=compare",
    "/?view=ingest",
    "/?q=otter&why=1-2",
]


def writing(page: Page) -> list[str]:
    """Controls of the view that change something."""
    controls = settled(page).locator("main :is(button, input[type=file])")
    words = ("right", "wrong", "Delete", "Retry", "Purge", "Add", "file")
    names = controls.evaluate_all(
        "(all) => all.map((each) => each.ariaLabel || each.labels[0]?.textContent || each.textContent)"
    )
    return [name for name in names if any(word in name for word in words)]


@pytest.mark.parametrize("view", VIEWS)
def test_a_read_key_sees_no_write_controls(visit: Visit, key: MakeKey, view: str) -> None:
    assert writing(visit(view, key=key("read", tenant="ann"))) == []


@pytest.mark.parametrize("view", VIEWS[:2] + VIEWS[3:4])
def test_a_key_that_may_write_sees_them(visit: Visit, key: MakeKey, view: str) -> None:
    """So that the test above can fail."""
    assert writing(visit(view, key=key("read", "write", "admin", tenant="ann"))) != []


def test_a_read_key_without_a_tenant_sees_no_write_controls_and_no_errors(visit: Visit, key: MakeKey) -> None:
    for view in [VIEWS[0], VIEWS[3], "/?view=status"]:
        page = visit(view, key=key("read"))
        assert writing(page) == []
        expect(page.get_by_role("alert")).to_have_count(0)


def test_a_tenant_sees_its_own_documents_alone(visit: Visit, key: MakeKey, url: str) -> None:
    texts = {tenant: key("read", "write", "admin", tenant=tenant) for tenant in ("ann", "bob")}
    seen = {}
    for tenant, text in texts.items():
        page = visit("/?q=animals in the water&limit=100", key=text)
        seen[tenant] = set(titles(page))
        owners = page.locator(".hit .about span", has_text="owner: ").all_text_contents()
        assert set(owners) == {f"owner: {tenant}"}
        facet = page.get_by_role("group", name="owner")
        assert facet.locator(".name").all_text_contents() == [tenant]
        expect(page.get_by_role("link", name="Status")).to_have_count(0)
        expect(page.get_by_role("combobox", name="Collection")).to_have_count(0)
    assert all(seen.values())
    assert not seen["ann"] & seen["bob"]
    start = visit("/", key=texts["bob"])
    expect(start.locator(".empty")).to_contain_text("48 documents")


def test_a_tenant_can_t_open_another_s_document(visit: Visit, key: MakeKey) -> None:
    path = "/?view=document&id=sea-otter"
    expect(visit(path, key=key("read", tenant="ann")).locator("h1")).to_have_text("Sea otter")
    page = visit(path, key=key("read", tenant="bob"), refused={(404, "/v1/documents")})
    expect(page.get_by_role("alert")).to_contain_text("sea-otter")
    expect(page.locator("h1")).to_have_text("sea-otter")


def test_a_judgement_is_its_tenant_s(visit: Visit, key: MakeKey) -> None:
    ann, bob = (key("read", "write", tenant=tenant) for tenant in ("ann", "bob"))
    page = settled(visit("/?q=otter", key=ann))
    page.get_by_role("button", name="right").first.click()
    expect(page.get_by_role("button", name="right", pressed=True)).to_have_count(1)
    for text, count in ((ann, 1), (bob, 0)):
        other = settled(visit("/?q=otter", key=text))
        expect(other.get_by_role("button", name="right", pressed=True)).to_have_count(count)
