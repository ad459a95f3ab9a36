"""What OpenAPI says of the routes for documents, jobs and dead letters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from postings import Settings
from tests.support.service import Service

ROUTES = {
    ("post", "/v1/documents"),
    ("get", "/v1/documents/{id}"),
    ("delete", "/v1/documents/{id}"),
    ("post", "/v1/documents/delete"),
    ("get", "/v1/jobs"),
    ("get", "/v1/jobs/{id}"),
    ("get", "/v1/jobs/{id}/events"),
    ("get", "/v1/dead-letters"),
    ("get", "/v1/dead-letters/{id}"),
    ("post", "/v1/dead-letters/retry"),
    ("post", "/v1/dead-letters/purge"),
}


@pytest.fixture
def description(tmp_path: Path) -> dict[str, Any]:
    with Service(Settings(index_url=str(tmp_path / "index"))) as service:
        found: dict[str, Any] = service("GET", "/openapi.json").json()
    return found


def test_every_route_is_described_with_its_problems(description: dict[str, Any]) -> None:
    found = {(method, path): route for path, item in description["paths"].items() for method, route in item.items()}
    assert found.keys() >= ROUTES
    for key in ROUTES:
        assert found[key]["description"], key
        assert {"400", "401", "403", "429", "503"} <= found[key]["responses"].keys(), key


def test_documents_are_described_in_each_type_without_references_that_lead_nowhere(description: dict[str, Any]) -> None:
    body = description["paths"]["/v1/documents"]["post"]["requestBody"]
    assert body["required"] is True
    assert {*body["content"]} == {
        "application/json",
        "application/x-ndjson",
        "application/jsonl",
        "multipart/form-data",
    }
    assert "$defs" not in str(body)
    record = body["content"]["application/json"]["schema"]["properties"]["documents"]["items"]
    assert record["additionalProperties"] is True
    assert "text/event-stream" in description["paths"]["/v1/jobs/{id}/events"]["get"]["responses"]["200"]["content"]
