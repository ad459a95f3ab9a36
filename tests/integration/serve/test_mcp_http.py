"""The tools over HTTP: who may use them, and what is refused before it costs anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, MCPError

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline
from postings_serve import Services
from postings_serve.http.bodies import MAX_BODY
from postings_serve.keys import Key, KeyFile, Scope
from postings_serve.mcp.http import create_app
from tests.support.mcp_sessions import called, over_http, refused, tools
from tests.support.served import answering

READING = ["search", "get", "facets", "collections", "info"]
HEADERS = {"Accept": "application/json, text/event-stream"}


@contextmanager
def answers(settings: Settings, *, write: bool = False) -> Iterator[str]:
    """The tools on a port of their own."""
    shared = Services(settings, KeyFile.of_settings(settings))
    with closing(shared), answering(create_app(shared, write=write), shared) as url:
        yield f"{url}/mcp"


class Tools:
    """A service with keys; the first of them is nobody's."""

    def __init__(self, url: str, keys: KeyFile) -> None:
        self.url = url
        self.keys = keys

    def key(self, *scopes: Scope, tenant: str | None = None) -> tuple[Key, str]:
        key, text = Key.create("test", frozenset(scopes), tenant)
        self.keys.add(key)
        return key, text


@pytest.fixture(scope="module")
def settings(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(index_url=str(tmp_path_factory.mktemp("mcp") / "index"), tenant_field="owner")
    with open_index(settings) as index:
        documents = [Document("note", f"A horse of {who}.", metadata={"owner": who}) for who in ("ann", "bob")]
        Pipeline(encoder, index, settings).run(documents)
    return settings


@pytest.fixture(scope="module")
def open_url(settings: Settings) -> Iterator[str]:
    """A service without keys."""
    with answers(settings) as url:
        yield url


@pytest.fixture
def keyed(settings: Settings, tmp_path: Path) -> Iterator[Tools]:
    own = settings.model_copy(update={"serve_keys": tmp_path / "keys.json"})
    keys = KeyFile.of_settings(own)
    keys.add(Key.create("first", frozenset({"admin"}))[0])
    with answers(own) as url:
        yield Tools(url, keys)


async def names(client: Client) -> list[str]:
    return list(await tools(client))


def request(method: str = "tools/list", **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_key_has_the_tools_of_its_scopes(keyed: Tools, mode: str) -> None:
    async def writes(client: Client) -> None:
        assert await names(client) == [*READING, "ingest", "delete"]
        document = {"id": "new", "text": "A cow in the barn.", "owner": "ann"}
        assert (await called(client, "ingest", documents=[document]))["indexed"] == 1
        assert (await called(client, "search", query="cow", limit=1))["hits"][0]["id"] == "new"

    async def reads(client: Client) -> None:
        assert await names(client) == READING
        assert len((await called(client, "search", query="horse"))["hits"]) >= 2
        assert "needs the scope 'write'" in await refused(client, "delete", ids=["note"])

    over_http(keyed.url, keyed.key("read", "write")[1], writes, mode)
    over_http(keyed.url, keyed.key("read")[1], reads, mode)
    assert over_http(keyed.url, keyed.key("write")[1], names, mode) == ["ingest", "delete"]
    assert over_http(keyed.url, keyed.key("admin")[1], names, mode) == []


def test_a_tenants_key_sees_and_changes_its_documents_alone(keyed: Tools) -> None:
    async def bob(client: Client) -> None:
        assert "collections" not in await names(client)
        assert (await called(client, "get", id="note"))["text"] == "A horse of bob."
        assert [hit["text"] for hit in (await called(client, "search", query="horse"))["hits"]] == ["A horse of bob."]
        mine = {"id": "other", "text": "Bob's cat."}
        assert (await called(client, "ingest", documents=[mine]))["indexed"] == 1
        assert (await called(client, "delete", ids=["other"]))["deleted"] == ["other"]

    over_http(keyed.url, keyed.key("read", "write", tenant="bob")[1], bob)


@pytest.mark.parametrize("key", [None, "wrong", "postings_0123456789ab_wrong"])
def test_without_a_key_that_is_known_nothing_is_answered(keyed: Tools, key: str | None) -> None:
    headers = HEADERS if key is None else {**HEADERS, "Authorization": f"Bearer {key}"}
    answer = httpx.post(keyed.url, json=request(), headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "an API key is needed" in answer.json()["detail"]
    with pytest.raises(BaseExceptionGroup) as caught:
        over_http(keyed.url, key, names)
    assert caught.group_contains(MCPError)


def test_a_key_that_is_revoked_ends_its_session(keyed: Tools) -> None:
    key, text = keyed.key("read")

    async def session(client: Client) -> None:
        await called(client, "info")
        keyed.keys.revoke(key.id)
        with pytest.raises(MCPError):
            await client.call_tool("info", {})

    over_http(keyed.url, text, session)


def test_without_keys_everybody_on_this_machine_may_read(open_url: str) -> None:
    assert over_http(open_url, None, names) == READING


def test_without_keys_whoever_starts_it_may_let_them_write(settings: Settings) -> None:
    with answers(settings, write=True) as url:
        assert over_http(url, None, names) == [*READING, "ingest", "delete"]


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [({"Host": "attacker.example"}, 421, "other-host"), ({"Origin": "http://attacker.example"}, 403, "other-origin")],
)
def test_a_page_of_another_site_is_refused(open_url: str, headers: dict[str, str], status: int, error: str) -> None:
    answer = httpx.post(open_url, json=request(), headers={**HEADERS, **headers})
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"not JSON", 400),
        (b"[" * 100_000, 400),
        (b"[]", 400),
        (b'{"jsonrpc": "2.0", "id": 1}', 400),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 5}}', 200),
        (b" " * (MAX_BODY + 1), 413),
    ],
    ids=["text", "deep", "list", "no method", "no name", "huge"],
)
def test_what_is_no_call_is_refused_and_the_service_goes_on(open_url: str, content: bytes, status: int) -> None:
    answer = httpx.post(open_url, content=content, headers={**HEADERS, "Content-Type": "application/json"})
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert over_http(open_url, None, names) == READING


def test_there_is_no_stream_to_wait_for(open_url: str) -> None:
    assert httpx.get(open_url, headers={"Accept": "text/event-stream"}).status_code == 405


def test_an_error_says_nothing_of_where_the_index_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(index_url="http://user:hidden@127.0.0.1:9", index_timeout=1)

    async def session(client: Client) -> None:
        said = await refused(client, "search", query="horse")
        assert said.startswith("The engine can't be reached")
        assert "127.0.0.1" not in said

    with answers(settings) as url:
        over_http(url, None, session)
    assert "127.0.0.1:9" in caplog.text
    assert "hidden" not in caplog.text
