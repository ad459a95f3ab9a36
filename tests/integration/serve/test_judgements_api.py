"""Hits are judged over HTTP, by those who may, and rankings are measured by that."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline
from postings_query.judgements import Judgement, Judgements
from tests.integration.serve.conftest import Keyed
from tests.integration.serve.test_documents_in import problem
from tests.support.folders import copy_index
from tests.support.sentences import SENTENCES
from tests.support.service import Service

PATH = "/v1/judgements"
FOOD = "a man eats food"


@pytest.fixture(scope="module")
def index(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sentences, and a document of many passages; copied for each test."""
    settings = Settings(index_url=str(tmp_path_factory.mktemp("judged") / "index"))
    with open_index(settings) as opened:
        documents = [Document(str(n), text) for n, text in enumerate(SENTENCES)]
        Pipeline(encoder, opened, settings).run([*documents, Document("long", "A man is eating food. " * 1000)])
    return Path(settings.index_url)


@pytest.fixture
def settings(index: Path, tmp_path: Path) -> Settings:
    copy_index(index, tmp_path / "index")
    return Settings(index_url=str(tmp_path / "index"))


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    with Service(settings) as service:
        yield service


def judge(service: Service, *judgements: tuple[str, str, int | None], **options: Any) -> httpx.Response:
    body = {"judgements": [{"query": query, "id": id, "grade": grade} for query, id, grade in judgements]}
    return service("POST", PATH, json=body, **options)


def evaluate(service: Service, **body: Any) -> Any:
    answer = service("POST", f"{PATH}/evaluate", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def found(service: Service, query: str, **body: Any) -> list[str]:
    answer = service("POST", "/v1/search", json={"query": query, "group_by_document": True, **body})
    return [hit["id"] for hit in answer.json()["hits"]]


def test_what_is_judged_is_listed_and_can_be_taken_back(service: Service) -> None:
    assert service("GET", PATH).json() == {"judgements": [], "next": None}
    saved = judge(service, (FOOD, "0", 1), (FOOD, "1", 0), ("cheetah", "9", 3), (FOOD, "0", 2))
    assert (saved.status_code, saved.json()) == (200, {"saved": 4, "removed": 0})
    listed = service("GET", PATH).json()["judgements"]
    assert [(each["query"], each["id"], each["grade"]) for each in listed] == [
        (FOOD, "0", 2),
        (FOOD, "1", 0),
        ("cheetah", "9", 3),
    ]
    assert {each["by"] for each in listed} == {"127.0.0.1"}
    assert all(each["at"] > 1.7e12 for each in listed)
    assert judge(service, (FOOD, "0", None), (FOOD, "7", None)).json() == {"saved": 0, "removed": 1}
    of_query = service("GET", PATH, params={"query": FOOD}).json()["judgements"]
    assert [each["id"] for each in of_query] == ["1"]


def test_pages_follow_each_other_to_the_end(service: Service) -> None:
    judge(service, *((FOOD, str(number), 1) for number in range(5)))
    first = service("GET", PATH, params={"limit": 2}).json()
    second = service("GET", PATH, params={"limit": 2, "after": first["next"]}).json()
    third = service("GET", PATH, params={"limit": 2, "after": second["next"]}).json()
    ids = [each["id"] for page in (first, second, third) for each in page["judgements"]]
    assert ids == ["0", "1", "2", "3", "4"]
    assert third["next"] is None
    assert service("GET", PATH, params={"limit": 5}).json()["next"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"judgements": []},
        {"judgements": [{"query": "q", "id": "1", "grade": 1}] * 1001},
        {"judgements": [{"query": "q", "id": "1"}]},
        {"judgements": [{"query": "q", "id": "1", "grade": 4}]},
        {"judgements": [{"query": "q", "id": "1", "grade": -1}]},
        {"judgements": [{"query": "q", "id": "1", "grade": True}]},
        {"judgements": [{"query": "q", "id": "1", "grade": "1"}]},
        {"judgements": [{"query": " ", "id": "1", "grade": 1}]},
        {"judgements": [{"query": "q", "id": "", "grade": 1}]},
        {"judgements": [{"query": "q", "id": "1", "grade": 1, "by": "somebody else"}]},
        {"judgements": [{"query": "q", "id": "1", "grade": 1}, {"query": "q"}]},
    ],
)
def test_what_is_no_judgement_is_refused_and_nothing_is_kept(service: Service, body: Any) -> None:
    problem(service("POST", PATH, json=body), 422)
    assert service("GET", PATH).json()["judgements"] == []


def test_lone_surrogates_are_refused(service: Service) -> None:
    for text in (r'{"query": "\ud800", "id": "1", "grade": 1}', r'{"query": "q", "id": "\udfff", "grade": 1}'):
        headers = {"Content-Type": "application/json"}
        problem(service("POST", PATH, content=f'{{"judgements": [{text}]}}', headers=headers), 422)


@pytest.mark.parametrize("parameters", [{"after": "x"}, {"limit": 0}, {"limit": 1001}, {"page": "1"}])
def test_a_page_that_cannot_be_is_refused(service: Service, parameters: dict[str, Any]) -> None:
    problem(service("GET", PATH, params=parameters), 422)


def test_a_page_after_too_large_a_number_is_refused(service: Service) -> None:
    problem(service("GET", PATH, params={"after": "9" * 19}), 400)


def test_a_collection_that_is_not_there_has_nothing_to_judge(service: Service, settings: Settings) -> None:
    body = {"judgements": [{"query": "q", "id": "1", "grade": 1}], "collection": "animals"}
    assert problem(service("POST", PATH, json=body), 404)["error"] == "collection-not-found"
    problem(service("POST", f"{PATH}/evaluate", json={"collection": "animals"}), 404)
    Judgements.of_settings(settings.of_collection("animals")).save([Judgement("q", "1", 1, "ann")])
    kept = service("GET", PATH, params={"collection": "animals"}).json()["judgements"]
    assert [each["id"] for each in kept] == ["1"], "of a collection that was dropped, they stay"


def test_rankings_are_measured_by_the_judgements(service: Service) -> None:
    ranking = found(service, FOOD)
    judge(
        service, (FOOD, ranking[0], 0), (FOOD, ranking[1], 1), (FOOD, "elsewhere", 3), ("what nothing answers", "0", 0)
    )
    measured = evaluate(service)
    expected = (1 / math.log2(3)) / (3 + 1 / math.log2(3))
    assert measured == {
        "collection": "documents",
        "model": "tiny",
        "ndcg_at_10": pytest.approx(expected),
        "judged_at_10": pytest.approx(2 / len(ranking)),
        "queries": 2,
        "judged_queries": 2,
        "left_out": 1,
        "by_query": [
            {"query": FOOD, "ndcg_at_10": pytest.approx(expected), "judged": 3, "relevant": 2},
            {"query": "what nothing answers", "ndcg_at_10": None, "judged": 1, "relevant": 0},
        ],
    }


def test_a_document_of_many_passages_takes_one_place(service: Service) -> None:
    passages = service("POST", "/v1/search", json={"query": FOOD}).json()["hits"]
    assert [hit["id"] for hit in passages].count("long") > 7
    ranking = found(service, FOOD)
    judge(service, *((FOOD, id, 1) for id in ranking))
    assert evaluate(service)["ndcg_at_10"] == pytest.approx(1)


def test_only_the_queries_that_are_named_are_measured(service: Service) -> None:
    judge(service, (FOOD, "0", 1), ("cheetah", "0", 1))
    measured = evaluate(service, queries=["cheetah", "never judged", "cheetah"])
    assert [(each["query"], each["judged"]) for each in measured["by_query"]] == [("cheetah", 1), ("never judged", 0)]
    assert (measured["queries"], measured["left_out"]) == (2, 1)


def test_of_many_judged_queries_the_last_are_measured(service: Service) -> None:
    judge(service, ("a man", "0", 1), ("a woman", "1", 1), ("a cheetah", "8", 1))
    measured = service("POST", f"{PATH}/evaluate", json={"limit": 2}).json()
    assert [each["query"] for each in measured["by_query"]] == ["a cheetah", "a woman"]
    assert (measured["queries"], measured["judged_queries"]) == (2, 3)


def test_a_query_that_is_judged_again_is_the_last_one(service: Service, settings: Settings) -> None:
    kept = Judgements.of_settings(settings)
    judged = [("a man", 1), ("a woman", 1), ("a cheetah", 1), ("a man", 1), ("a horse", 0), ("a monkey", 0)]
    kept.save(Judgement(query, "0", grade, "ann", at) for at, (query, grade) in enumerate(judged))
    measured = evaluate(service, limit=1)
    assert [each["query"] for each in measured["by_query"]] == ["a man"], "those with zeros alone take no place"
    assert (measured["queries"], measured["judged_queries"], measured["left_out"]) == (1, 5, 0)
    kept.save([Judgement("a woman", "3", 0, "ann", 9)])
    measured = evaluate(service, limit=9)
    assert [each["query"] for each in measured["by_query"]] == ["a woman", "a man", "a cheetah"]


def test_without_judgements_there_is_no_figure(service: Service) -> None:
    measured = evaluate(service)
    assert (measured["ndcg_at_10"], measured["judged_at_10"], measured["queries"]) == (None, None, 0)
    assert measured["model"] == "tiny"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"words": 0},
        {"words": 2.5},
        {"fusion": "rrf"},
        {"filter": {"must": [{"key": "doc_id", "match": {"any": ["0", "3"]}}]}},
    ],
)
def test_the_options_of_a_search_are_those_of_the_evaluation(service: Service, options: dict[str, Any]) -> None:
    queries = ["someone eats", "an animal runs", "the man plays guitar"]
    rankings = {query: found(service, query, **options) for query in queries}
    judge(service, *((query, str(number), (number + len(query)) % 4) for query in queries for number in range(9)))
    graded = {query: {str(n): (n + len(query)) % 4 for n in range(9)} for query in queries}

    def gain(grades: list[int]) -> float:
        return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades[:10], 1))

    measured = {each["query"]: each["ndcg_at_10"] for each in evaluate(service, **options)["by_query"]}
    for query, ranking in rankings.items():
        grades = graded[query]
        expected = gain([grades.get(id, 0) for id in ranking]) / gain(sorted(grades.values(), reverse=True))
        assert measured[query] == pytest.approx(expected), query


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"rerank": True}, 400),
        ({"words": 1, "fusion": "rrf"}, 400),
        ({"filter": {"must": [{"key": "nowhere", "match": {"value": 1}}]}}, 400),
        ({"queries": []}, 422),
        ({"queries": ["q"] * 1001}, 422),
        ({"limit": 0}, 422),
        ({"offset": 3}, 422),
    ],
)
def test_options_that_cannot_be_are_refused(service: Service, body: Any, status: int) -> None:
    judge(service, (FOOD, "0", 1))
    problem(service("POST", f"{PATH}/evaluate", json=body), status)


def test_a_filter_that_is_read_for_each_query_is_small(service: Service) -> None:
    judge(service, *((f"query {number}", "0", 1) for number in range(200)))
    filter = {"must": [{"key": "doc_id", "match": {"any": [str(number) for number in range(1000)]}}]}
    refused = problem(service("POST", f"{PATH}/evaluate", json={"filter": filter}), 422)
    assert refused["detail"] == "for 200 queries, a filter may have at most 500 values"
    assert service("POST", f"{PATH}/evaluate", json={"filter": filter, "queries": ["query 1"]}).status_code == 200


def test_evaluations_leave_the_threads_to_searches_after_a_few_queries(service: Service, settings: Settings) -> None:
    Judgements.of_settings(settings).save(Judgement(f"{FOOD} {number}", "0", 1, "ann") for number in range(60))
    searches = service.services.searches

    async def most_waiting() -> tuple[int, list[int]]:
        evaluations = [
            asyncio.ensure_future(service._client.post(f"{PATH}/evaluate", json={"words": number}))
            for number in range(3)
        ]
        most = 0
        while not all(each.done() for each in evaluations):
            most = max(most, sum(len(group.waiting) for group in searches._groups.values()))
            await asyncio.sleep(0)
        return most, [each.result().json()["queries"] for each in evaluations]

    most, queries = service.run(most_waiting())
    assert queries == [60, 60, 60]
    assert 0 < most < 8, "of one batch of one evaluation, as its first query never waits"


def test_a_client_that_goes_away_ends_its_evaluation(service: Service, settings: Settings) -> None:
    Judgements.of_settings(settings).save(Judgement(f"{FOOD} {number}", "0", 1, "ann") for number in range(2000))
    found(service, FOOD)  # the model is loaded
    searches = service.services.searches
    sent: list[dict[str, Any]] = []
    arriving = iter([{"type": "http.request", "body": b"{}", "more_body": False}])

    async def receive() -> dict[str, Any]:
        if (message := next(arriving, None)) is not None:
            return message
        while not searches._groups:
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def left() -> list[str]:
        await service.app(scope(f"{PATH}/evaluate"), receive, send)
        for _ in range(10):
            await asyncio.sleep(0)
        waiting = [each for group in searches._groups.values() for each in group.waiting]
        wanted = [each.query for each in waiting if not each.answer.cancelled()]
        return [*wanted, *(repr(task) for task in asyncio.all_tasks() if "_evaluated" in repr(task))]

    assert service.run(left()) == []
    assert sent[0]["status"] == 499


def scope(path: str) -> dict[str, Any]:
    """Of a request whose body is JSON."""
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
    }


def test_a_server_needs_a_file_for_judgements() -> None:
    with Service(Settings(index_url="http://localhost:9")) as service:
        for method, path, body in (
            ("GET", PATH, None),
            ("POST", PATH, {"judgements": [{"query": "q", "id": "1", "grade": 1}]}),
            ("POST", f"{PATH}/evaluate", {}),
        ):
            refused = problem(service(method, path, json=body), 400)
            assert refused["error"] == "no-judgements"
            assert "POSTINGS_JUDGEMENTS" in refused["detail"]
        assert service("GET", "/v1/whoami").json()["judgements"] is False


def test_a_key_that_only_reads_cannot_judge(service: Service) -> None:
    reader, writer = service.key("read"), service.key("write")
    problem(judge(service, (FOOD, "0", 1), key=reader), 403)
    assert service("GET", PATH, key=reader).json()["judgements"] == []
    assert judge(service, (FOOD, "0", 1), key=writer).json()["saved"] == 1
    problem(service("GET", PATH, key=writer), 403)
    problem(service("POST", f"{PATH}/evaluate", json={}, key=writer), 403)
    (listed,) = service("GET", PATH, key=reader).json()["judgements"]
    assert listed["by"] == "test", "the key's name"


def test_a_tenant_sees_changes_and_measures_its_own_judgements_alone(keyed: Keyed) -> None:
    ann, bob = (keyed.key("read", "write", tenant=name) for name in ("ann", "bob"))
    for key, id in ((ann, "0"), (bob, "1")):
        body = {"judgements": [{"query": FOOD, "id": id, "grade": 1}, {"query": "both", "id": "0", "grade": int(id)}]}
        assert keyed.ask(key, "POST", PATH, body).json()["saved"] == 2
    for key, id in ((ann, "0"), (bob, "1")):
        listed = keyed.ask(key, "GET", PATH).json()["judgements"]
        assert [(each["id"], each["grade"]) for each in listed] == [(id, 1), ("0", int(id))]
        measured = keyed.ask(key, "POST", f"{PATH}/evaluate", {}).json()
        assert [(each["judged"], each["relevant"]) for each in measured["by_query"]] == [(1, 1), (1, int(id))]
    gone = {"judgements": [{"query": FOOD, "id": "1", "grade": None}]}
    assert keyed.ask(ann, "POST", PATH, gone).json()["removed"] == 0
    assert len(keyed.ask(bob, "GET", PATH).json()["judgements"]) == 2
    of_none = keyed.key("read", "write")
    for method, path, body in (("GET", PATH, None), ("POST", PATH, gone), ("POST", f"{PATH}/evaluate", {})):
        assert keyed.ask(of_none, method, path, body).json()["error"] == "tenant-needed"
