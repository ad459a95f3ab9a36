"""A key may do what its scopes say, for its tenant alone."""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path
from typing import Any

import httpx
import pytest

import postings
from postings import Settings
from postings_serve.app import api
from postings_serve.keys import Key, KeyFile
from tests.integration.serve.conftest import Keyed
from tests.support.folders import copy_index
from tests.support.served import served
from tests.support.service import Service

SEARCH: tuple[str, str, Any] = ("POST", "/v1/search", {"query": "a man eats food", "limit": 100})
OPEN = {("GET", "/healthz"), ("GET", "/readyz")}
FOR_ANY_KEY = {("GET", "/v1/whoami")}


def routes() -> list[tuple[str, str]]:
    """All that the API answers."""
    paths = api().openapi()["paths"]
    return [(method.upper(), path) for path, each in paths.items() for method in each]


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_but_health_needs_a_key(keyed: Keyed, method: str, path: str) -> None:
    bodies = {"/qdrant/inference": {"inputs": []}, "/embed_sparse": {"inputs": "x"}}
    for key in (None, "postings_000000000000_wrong", "x", "Bearer"):
        answer = keyed.ask(key, method, path.replace("{", "").replace("}", ""), bodies.get(path))
        assert answer.status_code == (200 if (method, path) in OPEN else 401), answer.text
        if answer.status_code == 401 and path != "/qdrant/inference":
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), [each for each in routes() if each not in OPEN | FOR_ANY_KEY])
def test_a_key_without_the_scope_is_refused(keyed: Keyed, method: str, path: str) -> None:
    """Each route needs one of the scopes; a key with the two others isn't enough."""
    refused = 0
    for scope in ("read", "write", "admin"):
        others = {"read", "write", "admin"} - {scope}
        body = {"inputs": []} if "inference" in path else {"inputs": "x"}
        filled = path.replace("{name}", "documents").replace("{id}", "nothing")
        answer = keyed.ask(keyed.key(*others), method, filled, body)  # type: ignore[arg-type]
        assert answer.status_code < 500, answer.text
        refused += answer.status_code == 403 and "this needs a key with the scope" in answer.text
    assert refused == 1


@pytest.mark.parametrize(
    ("scopes", "tenant"), [(["admin"], None), (["read"], "ann"), (["admin", "read", "write"], "bob")], ids=str
)
def test_any_key_may_ask_what_it_may_do(keyed: Keyed, scopes: list[Any], tenant: str | None) -> None:
    answer = keyed.ask(keyed.key(*scopes, tenant=tenant), "GET", "/v1/whoami")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "name": "test",
            "scopes": scopes,
            "tenant": tenant,
            "keys": True,
            "judgements": tenant is not None,
            "collection": "documents",
            "version": postings.__version__,
            "index": "folder",
            "reranker": False,
        },
    )


def test_without_keys_anybody_may_do_everything(http: httpx.Client) -> None:
    answer = http.get("/v1/whoami").json()
    assert (answer["name"], answer["scopes"], answer["keys"]) == ("127.0.0.1", ["admin", "read", "write"], False)
    assert answer["tenant"] is None


def test_only_an_administrator_creates_a_collection_by_adding_documents(keyed: Keyed) -> None:
    body = {"documents": [{"id": "1", "text": "A lion sleeps."}]}
    writer, both = keyed.key("write", tenant="ann"), keyed.key("write", "admin", tenant="ann")
    refused = keyed.ask(writer, "POST", "/v1/documents?collection=animals", body)
    assert refused.status_code == 403
    assert refused.json()["detail"] == (
        "there is no collection 'animals', and to create one, a key needs the scope 'admin' beside 'write'"
    )
    assert keyed.ask(writer, "POST", "/v1/documents", {**body, "collection": "animals"}).status_code == 403
    assert keyed.ask(writer, "POST", "/v1/documents", body).status_code == 202
    assert keyed.ask(both, "POST", "/v1/documents?collection=animals", body).status_code == 202
    assert keyed.ask(writer, "POST", "/v1/documents?collection=animals", body).status_code == 202  # it is queued


def test_a_tenant_finds_its_own_documents_alone(keyed: Keyed) -> None:
    everything = {hit["id"] for hit in keyed.ask(keyed.key("read"), *SEARCH).json()["hits"]}
    seen = {}
    for tenant in ("ann", "bob", "nobody"):
        hits = keyed.ask(keyed.key("read", tenant=tenant), *SEARCH).json()["hits"]
        assert all(hit["metadata"]["owner"] == tenant for hit in hits)
        seen[tenant] = {hit["id"] for hit in hits}
    assert seen["ann"]
    assert seen["bob"]
    assert seen["ann"] | seen["bob"] == everything
    assert not seen["nobody"]


def test_a_tenant_s_key_is_refused_where_there_are_no_tenants(service: Service) -> None:
    key = service.key("read", "write", tenant="ann")
    for method, path in (("GET", "/v1/whoami"), ("GET", "/v1/jobs"), ("POST", "/v1/search")):
        answer = service(method, path, key=key, json={"query": "food"} if method == "POST" else None)
        assert (answer.status_code, answer.json()["error"]) == (403, "no-tenants")
        assert answer.json()["detail"] == (
            "this key is of tenant 'ann', but the service has no tenants (POSTINGS_TENANT_FIELD)"
        )


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({}, "this request has none"),
        ({"Authorization": "KEY"}, "'authorization'"),
        ({"Authorization": "Basic dTpw"}, "'authorization'"),
        ({"X-API-Key": "KEY"}, "'x-api-key'"),
        ({"api-key": "KEY"}, "'api-key'"),
    ],
    ids=str,
)
def test_a_key_in_another_form_is_told_the_right_one(keyed: Keyed, headers: dict[str, str], named: str) -> None:
    key = keyed.key("read")
    answer = httpx.get(
        f"{keyed.url}/v1/jobs", headers={name: text.replace("KEY", key) for name, text in headers.items()}
    )
    assert answer.status_code == 401
    assert named in answer.json()["detail"]
    assert "expected 'Authorization: Bearer KEY'" in answer.json()["detail"]
    assert key not in answer.text


def test_a_tenant_s_counts_are_its_own(keyed: Keyed) -> None:
    bob = keyed.key("read", tenant="bob")
    assert keyed.ask(bob, "GET", "/v1/collections/documents").json()["documents"] == 4
    assert keyed.ask(bob, "POST", "/v1/facets", {}).json()["documents"] == 4
    answer = keyed.ask(bob, "POST", "/v1/explain", {"query": "food", "ids": ["0", "1"]}).json()
    assert {hit["id"] for hit in answer["hits"]} == {"1"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/collections", None),
        ("GET", "/v1/status", None),
        ("GET", "/metrics", None),
        ("POST", "/v1/collections/documents/models/switch", {"model": "tiny"}),
        ("POST", "/v1/collections/documents/models/rollback", None),
    ],
)
def test_what_concerns_all_tenants_is_not_for_one(keyed: Keyed, method: str, path: str, body: Any) -> None:
    key = keyed.key("read", "write", "admin", tenant="ann")
    answer = keyed.ask(key, method, path, body)
    assert (answer.status_code, answer.json()["error"]) == (403, "all-tenants")


def test_a_revoked_key_is_refused_at_once(keyed: Keyed) -> None:
    key = keyed.key("read")
    assert keyed.ask(key, *SEARCH).status_code == 200
    keyed.keys.revoke(key.split("_")[1])
    assert keyed.ask(key, *SEARCH).status_code == 401


def test_too_many_requests_are_refused_for_each_key_by_itself(sentences: Settings, tmp_path: Path) -> None:
    limited = sentences.model_copy(
        update={"serve_rate": "3/hour", "serve_keys": tmp_path / "keys.json", "index_url": str(tmp_path / "index")}
    )
    copy_index(f"{sentences.index_url}-copy", limited.index_url)
    with served(limited) as url, Keyed(url, KeyFile(tmp_path / "keys.json")) as keyed:
        first, second = (keyed.key("read") for _ in range(2))
        answers = [keyed.ask(first, *SEARCH) for _ in range(4)]
        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 3601
        assert keyed.ask(second, *SEARCH).status_code == 200
        guesses = [keyed.ask("wrong", *SEARCH).status_code for _ in range(4)]
        assert guesses == [401, 401, 401, 429], "guessing has a limit too"


def test_checking_a_key_takes_as_long_whatever_it_is(tmp_path: Path) -> None:
    """It makes one digest and one comparison in each case, which a profile shows without a clock."""
    keys = KeyFile(tmp_path / "keys.json")
    key, text = Key.create("test", frozenset({"read"}))
    keys.add(key)
    keys.find(text)
    for tried in (text, f"{text[:-2]}xx", f"postings_{key.id}_x", "postings_0_x", "y"):
        profile = cProfile.Profile()
        profile.runcall(keys.find, tried)
        called = [(name, each[0]) for (_, _, name), each in pstats.Stats(profile).stats.items()]  # type: ignore[attr-defined]
        assert [count for name, count in called if "compare_digest" in name] == [1]
        assert [count for name, count in called if "sha256" in name] == [1]
