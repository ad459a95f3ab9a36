"""Searches over HTTP find what the client finds, and say what is wrong with a request."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline
from postings_query import Hit, SearchClient, searching
from tests.support.sentences import SENTENCES
from tests.support.service import Service


@pytest.fixture(scope="module")
def client(sentences: Settings, url: str) -> Iterator[SearchClient]:
    """A client of the same folder, which goes through the service."""
    with SearchClient(settings=sentences) as client:
        yield client


OPTIONS: list[dict[str, Any]] = [
    {},
    {"limit": 3, "offset": 2},
    {"explain": True},
    {"words": 0},
    {"words": 2.5, "explain": True},
    {"fusion": "rrf"},
    {"group_by_document": True, "limit": 100},
    {"filter": {"must": [{"key": "metadata.number", "range": {"lt": 4}}]}},
    {"score_threshold": 1.5},
    {"consistent": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_search_finds_what_the_client_finds(
    http: httpx.Client, client: SearchClient, options: dict[str, Any]
) -> None:
    answer = http.post("/v1/search", json={"query": "a man rides a horse", **options}).json()
    found = [Hit.from_json(each) for each in answer["hits"]]
    assert found == client.search("a man rides a horse", **options)
    assert found
    assert answer["model"] == "tiny"
    assert answer["collection"] == "documents"


def test_a_batch_has_the_answers_in_their_order(http: httpx.Client, client: SearchClient) -> None:
    answers = http.post("/v1/search/batch", json={"queries": SENTENCES, "limit": 2}).json()["answers"]
    assert [each["query"] for each in answers] == SENTENCES
    assert [[Hit.from_json(hit) for hit in each["hits"]] for each in answers] == client.search_batch(SENTENCES, 2)


def test_explain_says_why_a_document_far_down_has_its_score(http: httpx.Client, client: SearchClient) -> None:
    ids = ["long", "8", "no such document", "8"]
    answer = http.post("/v1/explain", json={"query": "horses", "ids": ids}).json()
    every = [hit for hit in client.search("horses", 1000, explain=True, group_by_document=True) if hit.id in ids]
    assert [Hit.from_json(each) for each in answer["hits"]] == every
    assert "no such document" in answer["without_score"]
    assert len(answer["without_score"]) == len(set(answer["without_score"]))
    for hit in answer["hits"]:
        assert hit["score"] == pytest.approx(sum(part["contribution"] for part in hit["contributions"]), rel=1e-5)


def test_explain_finds_documents_behind_more_passages_than_a_search_reads(
    tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MAX_HITS", 50)
    settings = Settings(index_url=str(tmp_path), passage_tokens=16, passage_overlap=0)
    documents = [
        Document("long", "A man rides a horse. " * 150),
        Document("other", "Men ride horses and a horse. " * 150),
        Document("weak", "Somebody mentioned a horse in a meeting about budgets, windows and last year's weather."),
        Document("none", "Drums."),
    ]
    with open_index(settings) as index:
        Pipeline(encoder, index, settings).run(documents)
    with Service(settings) as service:
        body = {"query": "horse", "ids": ["weak", "none", "long", "other", "absent"], "words": 0}
        answer = service("POST", "/v1/explain", json=body).json()
        found = service("POST", "/v1/search", json={"query": "horse", "limit": 50, "words": 0}).json()
    assert {hit["id"] for hit in found["hits"]} <= {"long", "other"}
    assert {hit["id"] for hit in answer["hits"]} >= {"long", "other", "weak"}
    scores = [hit["score"] for hit in answer["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert {hit["id"] for hit in answer["hits"]} | {*answer["without_score"]} == {*body["ids"]}
    assert len(answer["hits"]) + len(answer["without_score"]) == len(body["ids"])


def test_facets_count_documents_not_passages(http: httpx.Client) -> None:
    answer = http.post("/v1/facets", json={"fields": ["owner", "none"]}).json()
    assert answer["documents"] == len(SENTENCES) + 1
    assert answer["complete"]
    owners = {
        name: {"value": name, "documents": documents, "condition": {"key": "metadata.owner", "match": {"value": name}}}
        for name, documents in (("ann", 6), ("bob", 4))
    }
    assert answer["fields"] == {"owner": [*owners.values()], "none": []}
    body = {"query": "a man", "limit": 100, "filter": {"must": [owners["bob"]["condition"]]}}
    found = http.post("/v1/search", json=body).json()["hits"]
    assert {hit["metadata"]["owner"] for hit in found} == {"bob"}
    filter = {"must": [{"key": "metadata.number", "range": {"lt": 4}}]}
    assert http.post("/v1/facets", json={"filter": filter}).json()["documents"] == 4


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "query: Field required"),
        ({"query": ""}, 422, "query: "),
        ({"query": " \n"}, 422, "query: "),
        ({"query": "x" * 10_001}, 422, "query: "),
        ({"query": 5}, 422, "query: Input should be a valid string, got 5"),
        ({"query": "x", "limit": 0}, 422, "limit: "),
        ({"query": "x", "limit": 1001}, 422, "limit: "),
        ({"query": "x", "offset": -1}, 422, "offset: "),
        ({"query": "x", "score_threshold": True}, 422, "score_threshold: "),
        ({"query": "x", "words": "1"}, 422, "words: "),
        ({"query": "x", "colection": "y"}, 422, "colection: "),
        ({"query": "x", "collection": "../etc"}, 422, "collection: "),
        ({"query": "x", "collection": "none"}, 404, "there is no collection 'none'"),
        ({"query": "x", "words": 2, "fusion": "rrf"}, 400, "words is the weight in a sum"),
        ({"query": "x", "filter": {"must": [{"key": "number", "match": {"value": 1}}]}}, 400, "metadata.number"),
        ({"query": "x", "rerank": True}, 400, "POSTINGS_SERVE_RERANK"),
        ("text", 422, "body: "),
    ],
    ids=str,
)
def test_a_wrong_request_is_a_problem_that_says_why(http: httpx.Client, body: Any, status: int, said: str) -> None:
    answer = http.post("/v1/search", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]


ANY = {"key": "metadata.number", "match": {"any": [1]}}


@pytest.mark.parametrize(
    ("filter", "said"),
    [
        ({"must": [{"key": "metadata.number", "match": {"any": [*range(10_000)]}}]}, "at most 10,000 values"),
        ({"must": [{}] * 300}, "at most 100 objects: match any of a list"),
        ({"must": [[]] * 10_000}, "at most 10,000 values"),
        ({"must": functools.reduce(lambda inner, _: {"must": inner}, range(70), ANY)}, "at most 64 deep"),
    ],
    ids=["values", "conditions", "lists", "depth"],
)
def test_a_filter_that_would_hold_up_others_is_refused(http: httpx.Client, filter: Any, said: str) -> None:
    for path, body in (
        ("search", {"query": "x"}),
        ("search/batch", {"queries": ["x"]}),
        ("facets", {}),
        ("documents/delete", {"dry_run": True}),
    ):
        answer = http.post(f"/v1/{path}", json={"filter": filter, **body})
        assert answer.status_code == 422, path
        assert said in answer.json()["detail"]


def test_a_filter_may_name_thousands_but_fewer_for_many_queries(http: httpx.Client) -> None:
    filter = {"must": [{"key": "metadata.number", "match": {"any": [*range(9000)]}}]}
    assert http.post("/v1/search", json={"query": "horse", "filter": filter}).json()["hits"]
    answer = http.post("/v1/search/batch", json={"queries": ["horse"] * 20, "filter": filter})
    assert answer.status_code == 422
    assert "with 20 queries, a filter may have at most 5,000 values" in answer.json()["detail"]


def test_a_body_that_is_no_json_is_a_problem_too(http: httpx.Client) -> None:
    for content, status in ((b"{", 422), (b'{"query": "\\ud800"}', 422), (b"\xff", 400), (b"x" * 9_000_000, 413)):
        answer = http.post("/v1/search", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert http.post("/v1/search", content=b'{"query": "x"}', headers={"content-type": "text/plain"}).status_code == 415


def test_where_a_body_is_no_json_is_said(http: httpx.Client) -> None:
    answer = http.post("/v1/search", content=b'{"query" 1}', headers={"content-type": "application/json"})
    assert answer.json()["detail"] == "body: not JSON: Expecting ':' delimiter at character 9"


def test_what_is_not_there_says_what_is(http: httpx.Client) -> None:
    assert "/openapi.json" in http.get("/v1/nothing").json()["detail"]
    assert http.get("/v1/search").status_code == 405
    assert "/v1/search" in http.get("/openapi.json").json()["paths"]


def test_a_request_id_is_kept_if_it_is_one(http: httpx.Client) -> None:
    given = {"X-Request-ID": "order-66"}
    assert http.get("/healthz", headers=given).headers["x-request-id"] == "order-66"
    for wrong in ("a b", "x" * 65, "a\tb", ""):
        assert http.get("/healthz", headers={"X-Request-ID": wrong}).headers["x-request-id"] != wrong


def test_a_collection_that_is_dropped_and_made_again_is_searched(
    http: httpx.Client, sentences: Settings, encoder: Encoder
) -> None:
    """The service lets go of the one that it had open."""
    from postings.collections import Collections

    own = sentences.of_collection("short-lived")
    for _ in range(2):
        with open_index(own) as index:
            index.ensure(encoder.fingerprint, encoder.location)
        assert http.post("/v1/search", json={"query": "x", "collection": "short-lived"}).json()["hits"] == []
        Collections(sentences).drop("short-lived")
        assert http.post("/v1/search", json={"query": "x", "collection": "short-lived"}).status_code == 404
