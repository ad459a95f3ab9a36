"""What a search sends to Qdrant, sent to Qdrant by other means, finds what the search finds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from postings import Document, Encoder, Settings, open_index
from postings.collections import Collections
from postings_ingest import Pipeline
from tests.support.indexes import served
from tests.support.sentences import LONG, SENTENCES
from tests.support.service import Service

FIELD = "owner"
COLLECTION = "qdrant-requests"
HTML = " ".join(f"<p>{number}</p>" for number in range(2000))
QUERY = "which man rides a white horse"
OPTIONS: list[dict[str, Any]] = [
    {},
    {"limit": 3, "offset": 2},
    {"explain": True},
    {"words": 0},
    {"words": 2.5, "consistent": True},
    {"fusion": "rrf"},
    {"fusion": "dbsf"},
    {"score_threshold": 1.5},
    {"filter": {"must": [{"key": "metadata.number", "range": {"lt": 4}}]}},
    {"filter": {"must": [{"key": "metadata.html", "match": {"text": "1999"}}]}},
    {"filter": {"must_not": [{"has_id": ["00000000-0000-0000-0000-000000000001"]}]}, "words": 0},
    {"model": "tiny"},
    {"query": {"text": "x", "terms": [{"index": 3586, "weight": 2.5}]}, "words": 0},
    {"query": {"text": "x", "terms": []}, "words": 0},
]


def filled(settings: Settings, encoder: Encoder) -> Settings:
    """A collection of two tenants."""
    documents = [
        Document(
            str(n),
            text,
            metadata={"number": n, FIELD: ("ann", "bob")[n % 2], "html": HTML if n < 6 else HTML.replace("1999", "")},
        )
        for n, text in enumerate(SENTENCES)
    ]
    with open_index(settings) as index:
        Pipeline(encoder, index, settings).run([*documents, Document("long", LONG, metadata={FIELD: "ann"})])
    return settings


@pytest.fixture(scope="module")
def on_server(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    more = {"tenant_field": FIELD, "serve_keys": tmp_path_factory.mktemp("keys") / "keys.json"}
    with (
        served("rest", COLLECTION) as settings,
        Service(filled(settings.model_copy(update=more), encoder)) as service,
    ):
        yield service


@pytest.fixture(scope="module")
def on_folder(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    own = Settings(index_url=str(tmp_path_factory.mktemp("index")), collection=COLLECTION, tenant_field=FIELD)
    with Service(filled(own, encoder)) as service:
        yield service


def sent(settings: Settings, made: dict[str, Any]) -> list[dict[str, Any]]:
    """What the server answers."""
    key = {"api-key": settings.index_api_key.get_secret_value()} if settings.index_api_key else {}
    answer = httpx.request(made["method"], f"{settings.index_urls[0]}{made['path']}", json=made["body"], headers=key)
    assert answer.status_code == 200, answer.text
    points: list[dict[str, Any]] = answer.json()["result"]["points"]
    return points


def shown(points: list[dict[str, Any]]) -> list[tuple[float, str, int]]:
    each = [(float(np.float32(one["score"])), one["payload"]["doc_id"], one["payload"]["ordinal"]) for one in points]
    return sorted(each, key=lambda one: (-one[0], one))


def test_a_collection_that_is_dropped_from_elsewhere_is_gone_and_no_other_is_named(encoder: Encoder) -> None:
    with served("rest", "gone") as settings, served("rest", "other") as other, Service(settings) as service:
        for each in (settings, other):
            with open_index(each) as index:
                Pipeline(encoder, index, each).run([Document("1", "A man eats.")])
        assert service("POST", "/v1/search", json={"query": QUERY}).status_code == 200
        Collections(settings).drop("gone")
        for _ in range(2):
            answer = service("POST", "/v1/search", json={"query": QUERY})
            assert answer.status_code == 404
            assert answer.json()["detail"].startswith("there is no collection 'gone'")
            assert "other" not in answer.text
            assert settings.index_urls[0] not in answer.text


@pytest.mark.parametrize("tenant", [None, "ann", "bob"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_finds_what_the_search_finds(on_server: Service, options: dict[str, Any], tenant: str | None) -> None:
    key = on_server.key("read", tenant=tenant)
    body = {"query": QUERY, **options}
    found = on_server("POST", "/v1/search", json=body, key=key).json()
    made = on_server("POST", "/v1/search/qdrant-request", json=body, key=key).json()
    assert {*made} == {"method", "path", "body"}
    consistency = "?consistency=quorum" if options.get("consistent") else ""
    assert made["path"] == f"/collections/{COLLECTION}/points/query{consistency}"
    points = sent(on_server.services.settings, made)
    assert (made["body"]["limit"], made["body"]["offset"]) == (options.get("limit", 10), options.get("offset", 0))
    wanted = [(hit["score"], hit["id"], hit["ordinal"]) for hit in found["hits"]]
    assert shown(points) == sorted(wanted, key=lambda one: (-one[0], one))
    assert bool(wanted) == (options.get("query", {}).get("terms") != [])
    if tenant:
        assert {point["payload"]["tenant"] for point in points} <= {tenant}


def test_grouped_by_document_it_finds_the_passages_among_which_each_document_s_best_is(on_server: Service) -> None:
    key = on_server.key("read", tenant="bob")  # who has no document with many passages
    body = {"query": QUERY, "group_by_document": True, "limit": 2, "offset": 1}
    found = on_server("POST", "/v1/search", json=body, key=key).json()
    made = on_server("POST", "/v1/search/qdrant-request", json=body, key=key).json()
    assert (made["body"]["limit"], made["body"]["offset"]) == (6, 0)
    points = sent(on_server.services.settings, made)
    best = {point["payload"]["doc_id"]: point["payload"]["ordinal"] for point in reversed(points)}
    assert [*reversed(best.items())][1:3] == [(hit["id"], hit["ordinal"]) for hit in found["hits"]]


@pytest.mark.parametrize("tenant", [None, "ann"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_folder_is_asked_as_a_server_would_be(
    on_server: Service, on_folder: Service, options: dict[str, Any], tenant: str | None
) -> None:
    made = [
        each("POST", "/v1/search/qdrant-request", json={"query": QUERY, **options}, key=each.key("read", tenant=tenant))
        for each in (on_folder, on_server)
    ]
    assert made[0].json() == made[1].json()
    assert made[0].status_code == 200


def test_it_has_no_way_around_the_tenant(on_server: Service) -> None:
    """Whatever the filter says, it is beside the tenant's condition, on each side of the search."""
    key = on_server.key("read", tenant="bob")
    filter = {
        "should": [
            {"key": "metadata.owner", "match": {"value": "ann"}},
            {"must_not": [{"is_empty": {"key": "doc_id"}}]},
        ]
    }
    made = on_server("POST", "/v1/search/qdrant-request", json={"query": QUERY, "filter": filter}, key=key).json()
    conditions = re.findall(
        r"'filter': \{'must': \[\{'must': \[\{'key': 'tenant', 'match': \{'value': '(\w+)'", str(made)
    )
    assert conditions
    assert {*conditions} == {"bob"}
    assert str(made).count("'filter':") == len(conditions)
    assert {point["payload"]["tenant"] for point in sent(on_server.services.settings, made)} == {"bob"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"query": ""}, 422),
        ({"query": "x", "collection": "none"}, 404),
        ({"query": "x", "model": "none"}, 404),
        ({"query": "x", "rerank": True}, 400),
        ({"query": "x", "filter": {"must": [{"key": "owner", "match": {"value": 1}}]}}, 400),
        ({"query": {"text": "x", "terms": [{"index": 99_999, "weight": 1}]}}, 400),
    ],
    ids=str,
)
def test_what_cannot_be_searched_is_refused_as_the_search_is(on_folder: Service, body: Any, status: int) -> None:
    key = on_folder.key("read")
    answers = [on_folder("POST", f"/v1/search{path}", json=body, key=key) for path in ("", "/qdrant-request")]
    assert [each.status_code for each in answers] == [status, status]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]
