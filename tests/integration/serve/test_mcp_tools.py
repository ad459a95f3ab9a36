"""The tools, asked by the SDK's client."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from mcp import Client, MCPError
from mcp.server import Server

from postings import Document, EdgeIndex, Encoder, Settings, open_index
from postings.index.proxy import waiting
from postings_ingest import Pipeline
from postings_serve.guard import Caller
from postings_serve.keys import Scope
from postings_serve.mcp.backend import Backend
from postings_serve.mcp.server import tool_server
from postings_serve.mcp.tools import TOOLS
from tests.support.examples import examples
from tests.support.indexes import PROXY, served, shared
from tests.support.mcp_sessions import called, in_session, refused, text_of, tools
from tests.support.sentences import LONG, SENTENCES
from tests.support.strategies import json_values

READING = ["search", "get", "facets", "collections", "info"]
WRITING = ["ingest", "delete"]


def server_of(settings: Settings, *scopes: Scope, tenant: str | None = None) -> Server[Any]:
    """A server whose every caller has these scopes."""
    caller = Caller("test", "test", frozenset(scopes or ("read",)), tenant)
    return tool_server(Backend(settings), lambda _: caller, str)


def filled(encoder: Encoder, settings: Settings) -> Settings:
    documents = [Document(str(n), text, metadata={"even": n % 2 == 0}, version=5) for n, text in enumerate(SENTENCES)]
    with open_index(settings) as index:
        Pipeline(encoder, index, settings).run([*documents, Document("long", LONG, title="Horses", version=5)])
    return settings


@pytest.fixture(scope="module")
def settings(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A folder whose documents no test changes."""
    return filled(encoder, Settings(index_url=str(tmp_path_factory.mktemp("mcp"))))


@pytest.fixture
def own(encoder: Encoder, tmp_path: Path) -> Settings:
    """A folder of the test's own."""
    return filled(encoder, Settings(index_url=str(tmp_path)))


@pytest.fixture(params=["edge", PROXY, "rest", "grpc"])
def anywhere(request: pytest.FixtureRequest, encoder: Encoder, tmp_path: Path) -> Iterator[Settings]:
    """A folder, one that another process has open, and a server."""
    with ExitStack() as stack:
        if request.param in ("edge", PROXY):
            settings = Settings(index_url=str(tmp_path))
            if request.param == PROXY:
                stack.enter_context(shared(tmp_path))
        else:
            settings = stack.enter_context(served(request.param, f"test-{uuid.uuid4().hex}"))
        yield filled(encoder, settings)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_session_from_a_search_to_a_delete(anywhere: Settings, mode: str) -> None:
    async def session(client: Client) -> None:
        assert list(await tools(client)) == READING + WRITING
        there = await called(client, "collections")
        assert there["default"] == anywhere.collection
        assert anywhere.collection in there["collections"]
        assert (await called(client, "info"))["documents"] == 10

        found = await called(client, "search", query="chasing prey", limit=1)
        (hit,) = found["hits"]
        assert (hit["id"], hit["text"]) == ("8", SENTENCES[8])
        assert "prey" in hit["tokens"][0]["evidence"]
        counts = await called(client, "facets", fields=["even"])
        assert {each["value"]: each["documents"] for each in counts["fields"]["even"]} == {True: 5, False: 4}

        record = {"id": "9", "text": "A tiger chases its prey at night.", "version": 6, "even": False}
        assert (await called(client, "ingest", documents=[record]))["indexed"] == 1
        again = await called(client, "ingest", documents=[record, {"id": "8", "text": "Older.", "version": 4}])
        assert (again["indexed"], again["unchanged"], again["superseded"]) == (1, 1, 1)
        hits = (await called(client, "search", query="tiger chasing prey", limit=2))["hits"]
        assert [each["id"] for each in hits] == ["9", "8"]
        assert hits[0]["metadata"] == {"even": False}

        gone = await called(client, "delete", ids=["9", "nobody"])
        assert (gone["deleted"], gone["not_found"]) == (["9"], ["nobody"])
        assert "there is no document '9'" in await refused(client, "get", id="9")

    in_session(server_of(anywhere, "read", "write"), session, mode)


def test_a_score_is_the_sum_of_what_is_shown_and_what_is_not(settings: Settings) -> None:
    async def session(client: Client) -> None:
        for most in (0, 2, 1000):
            found = await called(client, "search", query="riding a horse", tokens=most, limit=20)
            assert len(found["hits"]) > 5
            for hit in found["hits"]:
                assert len(hit["tokens"]) <= most
                if most:
                    shown = sum(each["contribution"] for each in hit["tokens"])
                    assert shown + hit["other_contributions"] == pytest.approx(hit["score"], abs=1e-2)
        assert all(hit["other_tokens"] == 0 for hit in found["hits"])

    in_session(server_of(settings), session)


def test_evidence_is_in_the_title_or_the_text(settings: Settings) -> None:
    async def session(client: Client) -> None:
        found = await called(client, "search", query="horses", tokens=1000, limit=20)
        pieces = [(hit, each) for hit in found["hits"] for token in hit["tokens"] for each in token["evidence"]]
        assert all(each in hit["title"] or each in hit["text"] for hit, each in pieces)
        assert any(hit["title"] and each not in hit["text"] for hit, each in pieces)

    in_session(server_of(settings), session)


def test_options_of_a_search(settings: Settings) -> None:
    async def session(client: Client) -> None:
        async def found(**options: Any) -> list[str]:
            return [hit["id"] for hit in (await called(client, "search", query="horse", **options))["hits"]]

        assert (await found(limit=3))[1:] == await found(limit=2, offset=1)
        assert len(await found(group_by_document=True, limit=20)) == len(set(await found(limit=100)))
        counts = await called(client, "facets")
        for facet in counts["fields"]["even"]:
            ids = await found(filter={"must": [facet["condition"]]}, limit=100)
            assert ids
            assert all((int(id) % 2 == 0) == facet["value"] for id in ids)
        assert await found(score_threshold=1000.0) == []
        assert await found(model="tiny") == await found()
        exact = (await called(client, "search", query="horse", words=1.5, tokens=1000))["hits"][0]["tokens"]
        assert any(each["exact_word"] for each in exact)
        none = (await called(client, "search", query="horse", words=0, tokens=1000))["hits"][0]["tokens"]
        assert not any(each["exact_word"] for each in none)

    in_session(server_of(settings), session)


def test_a_long_document_is_read_part_by_part(settings: Settings) -> None:
    async def session(client: Client) -> None:
        text, start = "", 0
        while True:
            part = await called(client, "get", id="long", start=start, characters=3000)
            assert (part["title"], part["characters"]) == ("Horses", len(LONG))
            assert len(part["text"]) <= 3000
            text, start = text + part["text"], part["end"]
            if start == part["characters"]:
                break
        assert text == LONG
        assert (await called(client, "get", id="long", start=10**6))["text"] == ""

    in_session(server_of(settings), session)


def test_who_may_only_read_sees_no_tool_that_writes_and_changes_nothing(settings: Settings) -> None:
    async def session(client: Client) -> None:
        assert list(await tools(client)) == READING
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in (await tools(client)).values())
        document = {"id": "0", "text": "Another text."}
        assert "needs the scope 'write'" in await refused(client, "ingest", documents=[document])
        assert "needs the scope 'write'" in await refused(client, "delete", ids=["0"])
        assert (await called(client, "get", id="0"))["text"] == SENTENCES[0]

    in_session(server_of(settings), session)


def test_a_tenant_sees_and_changes_its_own_documents_alone(encoder: Encoder, tmp_path: Path) -> None:
    settings = Settings(index_url=str(tmp_path / "index"), tenant_field="owner")
    with open_index(settings) as index:
        documents = [
            Document("note", f"A horse of {owner}.", metadata={"owner": owner, "of": owner}) for owner in ("ann", "bob")
        ]
        Pipeline(encoder, index, settings).run(documents)

    async def ann(client: Client) -> None:
        assert "collections" not in await tools(client)
        assert "concerns all tenants" in await refused(client, "collections")
        hits = (await called(client, "search", query="horse"))["hits"]
        assert [hit["text"] for hit in hits] == ["A horse of ann."]
        assert (await called(client, "get", id="note"))["text"] == "A horse of ann."
        facets = await called(client, "facets", fields=["of"])
        assert [each["value"] for each in facets["fields"]["of"]] == ["ann"]
        info = await called(client, "info")
        assert (info["documents"], "measured_on" in info["words"]) == (1, False)
        theirs = {"id": "note", "text": "Mine now.", "owner": "bob"}
        assert "belongs to owner 'bob'" in await refused(client, "ingest", documents=[theirs])
        assert (await called(client, "ingest", documents=[{"id": "more", "text": "A cow."}]))["indexed"] == 1
        assert (await called(client, "delete", ids=["note"]))["deleted"] == ["note"]

    async def all_tenants(client: Client) -> None:
        hits = (await called(client, "search", query="horse cow"))["hits"]
        assert {(hit["id"], hit["metadata"]["owner"]) for hit in hits} == {("note", "bob"), ("more", "ann")}
        assert "needs a key of one of them" in await refused(client, "get", id="note")
        assert "needs a key of one of them" in await refused(client, "delete", ids=["note"])

    in_session(server_of(settings, "read", "write", tenant="ann"), ann)
    in_session(server_of(settings, "read", "write"), all_tenants)


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("search", {}, "query: Field required"),
        ("search", {"query": " \n"}, "query: "),
        ("search", {"query": "x" * 10_001}, "should have at most 10000 "),
        ("search", {"query": "x", "limit": 101}, "limit: Input should be less than or equal to 100, got 101"),
        ("search", {"query": "x", "limit": "5"}, "limit: Input should be a valid integer, got '5'"),
        ("search", {"query": "x", "top_k": 5}, "top_k: there is no such field"),
        ("search", {"query": "x", "model": "other"}, "no model is called 'other'; it has 'tiny'"),
        ("search", {"query": "x", "collection": "other"}, "there is no collection 'other'"),
        ("search", {"query": "x", "collection": "../other"}, "collection: "),
        ("search", {"query": "x", "filter": {"must": [{"key": "legs"}]}}, "did you mean 'metadata.legs'?"),
        ("search", {"query": "x", "filter": {"must": [{}] * 101}}, "a filter may have at most 100 objects"),
        ("get", {"id": "<script>alert(1)</script>"}, "there is no document '<script>alert(1)</script>'"),
        ("get", {"id": "\ud800"}, "id: "),
        ("get", {"id": ""}, "id: "),
        ("facets", {"fields": "even"}, "fields: Input should be a valid list"),
        ("collections", {"all": True}, "all: there is no such field"),
        ("info", {"collection": "other"}, "there is no collection 'other'"),
        ("ingest", {"documents": []}, "documents: List should have at least 1 item"),
        ("ingest", {"documents": [{"id": "a", "text": "b"}] * 101}, "documents: List should have at most 100 items"),
        ("ingest", {"documents": [{"id": "a", "text": "b"}, {"text": "c"}]}, "documents[1]: "),
        ("ingest", {"documents": [{"id": "a", "text": "b"}], "collection": "other"}, "there is no collection 'other'"),
        ("delete", {"ids": ["a"], "collection": "other"}, "there is no collection 'other'"),
    ],
)
def test_a_wrong_call_is_told_what_came_and_what_was_expected(
    settings: Settings, tool: str, arguments: dict[str, Any], said: str
) -> None:
    async def session(client: Client) -> None:
        text = await refused(client, tool, **arguments)
        assert said in text
        assert len(text) < 2000
        assert "Traceback" not in text
        assert settings.index_url not in text

    in_session(server_of(settings, "read", "write"), session)


def test_a_refused_list_of_documents_changes_nothing(settings: Settings) -> None:
    async def session(client: Client) -> None:
        await refused(client, "ingest", documents=[{"id": "0", "text": "Another."}, {"id": "", "text": "c"}])
        assert (await called(client, "get", id="0"))["text"] == SENTENCES[0]
        assert (await called(client, "info"))["documents"] == 10

    in_session(server_of(settings, "read", "write"), session)


def test_a_tool_that_there_is_not_is_an_error_of_the_protocol(settings: Settings) -> None:
    async def session(client: Client) -> None:
        with pytest.raises(MCPError, match=r"there is no tool 'drop': expected one of search, get, "):
            await client.call_tool("drop", {})

    in_session(server_of(settings), session)


ARGUMENTS = st.dictionaries(
    st.sampled_from([name for tool in TOOLS for name in tool.arguments.model_fields]),
    json_values | st.lists(json_values, max_size=3) | st.just("documents"),
    max_size=4,
)


@limits(max_examples=examples(60))
@given(st.sampled_from(READING), ARGUMENTS, st.booleans())
def test_no_call_meets_a_bug(settings: Settings, tool: str, arguments: dict[str, Any], usable: bool) -> None:
    """Whatever is passed, the answer keeps to the schema, or says why there is none."""
    needed = {"search": {"query": "a horse"}, "get": {"id": "1"}}.get(tool, {})

    async def session(client: Client) -> None:
        answer = await client.call_tool(tool, arguments | (needed if usable else {}))
        if answer.is_error:
            assert text_of(answer)
            assert "a bug" not in text_of(answer)
        else:
            schema = (await tools(client))[tool].output_schema or {}
            Draft202012Validator(schema).validate(answer.structured_content)

    in_session(server_of(settings), session)


@limits(max_examples=examples(40))
@given(st.lists(st.dictionaries(st.sampled_from(["id", "text", "title", "version", "x"]), json_values), max_size=3))
def test_no_document_meets_a_bug(own_folder: Settings, documents: list[dict[str, Any]]) -> None:
    async def session(client: Client) -> None:
        answer = await client.call_tool("ingest", {"documents": documents})
        assert "a bug" not in text_of(answer)

    in_session(server_of(own_folder, "read", "write"), session)


@pytest.fixture(scope="module")
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(index_url=str(tmp_path_factory.mktemp("own") / "index"))


def test_the_first_documents_create_the_default_collection(tmp_path: Path) -> None:
    settings = Settings(index_url=str(tmp_path / "index"), collection="notes")

    async def session(client: Client) -> None:
        assert "there is no collection 'notes'" in await refused(client, "search", query="horse")
        assert "there is no collection 'notes'" in await refused(client, "delete", ids=["1"])
        assert (await called(client, "collections"))["collections"] == []
        await called(client, "ingest", documents=[{"id": "1", "text": "A horse."}])
        assert [hit["id"] for hit in (await called(client, "search", query="horse"))["hits"]] == ["1"]

    in_session(server_of(settings, "read", "write"), session)


def test_the_folder_is_free_between_calls(own: Settings) -> None:
    async def session(client: Client) -> None:
        await called(client, "search", query="horse")
        with EdgeIndex(own.index_url) as index:
            assert index.count() > 10

    in_session(server_of(own), session)


def test_a_call_that_waits_holds_up_no_other(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOCKED_SECONDS", 120)

    async def session(client: Client) -> None:
        with EdgeIndex(own.index_url):  # until it is closed, the search can't be answered
            search = asyncio.create_task(called(client, "search", query="horse"))
            assert (await called(client, "collections"))["default"] == "documents"
            assert not search.done()
        assert (await search)["hits"]

    in_session(server_of(own), session)


def test_calls_at_the_same_time_are_all_answered(own: Settings) -> None:
    async def session(client: Client) -> None:
        searches = [called(client, "search", query=f"horse {n}") for n in range(12)]
        writes = [called(client, "ingest", documents=[{"id": f"new {n}", "text": f"Cow {n}."}]) for n in range(4)]
        answers = await asyncio.gather(*searches, *writes)
        assert all(answer["hits"] for answer in answers[:12])
        assert [answer["indexed"] for answer in answers[12:]] == [1] * 4
        assert (await called(client, "info"))["documents"] == 14

    in_session(server_of(own, "read", "write"), session)
    assert threading.active_count() < 50
