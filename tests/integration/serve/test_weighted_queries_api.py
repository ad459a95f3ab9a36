"""Queries with terms of one's own, over HTTP: a page may change the weights of a query and see what it finds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from postings import Settings
from postings.errors import InvalidQuery, ModelMismatch
from postings_query import ApiClient, AsyncApiClient, Hit, Hits, SearchClient, Term, WeightedQuery

TEXT = "a man rides a white horse"


@pytest.fixture(scope="module")
def client(sentences: Settings, url: str) -> Iterator[SearchClient]:
    with SearchClient(settings=sentences) as client:
        yield client


def test_an_explained_answer_has_the_terms_which_find_the_same(http: httpx.Client, client: SearchClient) -> None:
    plain = http.post("/v1/search", json={"query": TEXT, "explain": True}).json()
    assert [Term.from_json(each) for each in plain["terms"]] == client.terms(TEXT)
    again = http.post("/v1/search", json={"query": {"text": TEXT, "terms": plain["terms"]}, "explain": True}).json()
    assert again == plain
    assert "terms" not in http.post("/v1/search", json={"query": TEXT}).json()


def test_answers_have_the_changed_terms_with_their_names(http: httpx.Client, client: SearchClient) -> None:
    terms = [{"index": each.index, "exact_word": each.exact_word, "weight": 0} for each in client.terms(TEXT)]
    terms[0]["weight"] = 2
    answer = http.post("/v1/search", json={"query": {"text": TEXT, "terms": terms}, "explain": True}).json()
    (first, *others) = answer["terms"]
    assert (first["index"], first["weight"]) == (terms[0]["index"], 2)
    assert {each["token"] for each in answer["terms"]} == {each.token for each in client.terms(TEXT)}
    assert {each["weight"] for each in others} == {0}
    assert (answer["query"], answer["query_tokens_left_out"]) == (TEXT, 0)
    for hit in answer["hits"]:
        (part,) = hit["contributions"]
        assert (part["token"], part["query_weight"]) == (first["token"], 2)
        assert hit["score"] == pytest.approx(part["contribution"], rel=1e-5)


def test_a_batch_and_an_explanation_take_them_beside_texts(http: httpx.Client, client: SearchClient) -> None:
    weighted = WeightedQuery(TEXT, client.terms(TEXT)[:3])
    body = {"queries": ["violin", weighted.to_json(), {"text": "x", "terms": []}], "explain": True}
    answers = http.post("/v1/search/batch", json=body).json()["answers"]
    found = [[Hit.from_json(each) for each in answer["hits"]] for answer in answers]
    assert found == [client.search("violin", explain=True), client.search(weighted, explain=True), []]
    assert [answer["query"] for answer in answers] == ["violin", TEXT, "x"]
    asked = {"query": weighted.to_json(), "ids": ["3", "long", "7"]}
    explained = http.post("/v1/explain", json=asked).json()
    every = client.search(weighted, 1000, explain=True, group_by_document=True)
    assert [Hit.from_json(each) for each in explained["hits"]] == [hit for hit in every if hit.id in asked["ids"]]
    assert [Term.from_json(each) for each in explained["terms"]] == [*weighted.terms]


def test_the_clients_of_the_service_take_them(url: str, client: SearchClient) -> None:
    weighted = WeightedQuery(TEXT, client.terms(TEXT)[2:])
    wanted = client.search(weighted, explain=True)

    async def asked() -> tuple[list[Term], Hits]:
        async with AsyncApiClient(url) as of_service:
            return await of_service.terms(TEXT), await of_service.search(weighted, explain=True)

    with ApiClient(url) as of_service:
        assert of_service.terms(TEXT) == client.terms(TEXT)
        assert of_service.terms(weighted) == client.terms(weighted)
        found = of_service.search(weighted, explain=True)
        assert (found, found.terms, found.model) == (wanted, wanted.terms, "tiny")
        with pytest.raises(ModelMismatch, match="another model's"):
            of_service.search(WeightedQuery("x", [Term("tiger", 5, 1.0)]))
        with pytest.raises(InvalidQuery, match="below 30,522"):
            of_service.search(WeightedQuery("x", [Term("", 40_000, 1.0)]))
        for wrong in (weighted, "text", [5], [""]):
            with pytest.raises(InvalidQuery):
                of_service.search_batch(wrong)  # type: ignore[arg-type]
    assert asyncio.run(asked()) == (client.terms(TEXT), wanted)


TERM = {"index": 5, "weight": 1}


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"text": "x"}, 422, "query.terms: Field required"),
        ({"text": " ", "terms": []}, 422, "query.text: "),
        ({"terms": []}, 422, "query.text: Field required"),
        ({"text": "x", "terms": [], "model": "tiny"}, 422, "query.model: "),
        ({"text": "x", "terms": [TERM] * 10_001}, 422, "query.terms: "),
        ({"text": "x", "terms": [{**TERM, "weight": -1}]}, 422, "query.terms.0.weight: "),
        ({"text": "x", "terms": [{**TERM, "weight": "1"}]}, 422, "query.terms.0.weight: "),
        ({"text": "x", "terms": [{**TERM, "weight": 1e7}]}, 422, "query.terms.0.weight: "),
        ({"text": "x", "terms": [TERM, {**TERM, "index": 1.5}]}, 422, "query.terms.1.index: "),
        ({"text": "x", "terms": [{**TERM, "index": 2**31}]}, 422, "query.terms.0.index: "),
        ({"text": "x", "terms": [{**TERM, "name": "y"}]}, 422, "query.terms.0.name: "),
        ({"text": "x", "terms": [TERM, TERM]}, 400, "index 5 twice"),
        ({"text": "x", "terms": [{**TERM, "index": 30_522}]}, 400, "below 30,522"),
        ({"text": "x", "terms": [{**TERM, "token": "tiger"}]}, 409, "'tiger': the terms are another model's"),
        (None, 422, "query: Input should be a valid string"),
        ([], 422, "query: Input should be a valid string"),
    ],
    ids=str,
)
def test_a_wrong_query_is_a_problem_that_says_where(http: httpx.Client, query: Any, status: int, said: str) -> None:
    answer = http.post("/v1/search", json={"query": query})
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert said in answer.json()["detail"]
    batch = http.post("/v1/search/batch", json={"queries": ["violin", query]})
    assert batch.status_code == status
    for body in (b'{"query": {"text": "x", "terms": [{"index": 5, "weight": NaN}]}}',):
        sent = http.post("/v1/search", content=body, headers={"content-type": "application/json"})
        assert sent.status_code == 422


def test_ten_thousand_terms_are_searched(http: httpx.Client) -> None:
    terms = [{"index": index, "weight": 0.5} for index in range(10_000)]
    answer = http.post("/v1/search", json={"query": {"text": "x", "terms": terms}, "explain": True})
    assert answer.status_code == 200
    assert answer.json()["hits"]
