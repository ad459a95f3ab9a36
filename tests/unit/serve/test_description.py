"""What OpenAPI says of the routes for documents, jobs and dead letters."""

from __future__ import annotations

import json
import re
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
    schemas = description["components"]["schemas"]
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/DocumentsForm"}
    assert schemas["DocumentsForm"]["properties"]["documents"]["items"] == {"$ref": "#/components/schemas/Record"}
    assert schemas["Record"]["additionalProperties"] is True
    referred = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(description)))
    assert referred == schemas.keys()
    assert "text/event-stream" in description["paths"]["/v1/jobs/{id}/events"]["get"]["responses"]["200"]["content"]


def test_operations_have_names_that_clients_may_have_methods_of(description: dict[str, Any]) -> None:
    names = [operation["operationId"] for item in description["paths"].values() for operation in item.values()]
    assert len({*names}) == len(names)
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]*)*", name) for name in names)
    assert {"search", "searchBatch", "addDocuments", "showJob", "switchModel"} <= {*names}


def test_a_field_that_may_be_left_out_says_its_default_in_words(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    fields = [field for schema in schemas.values() for field in schema.get("properties", {}).values()]
    assert not any("default" in field for field in fields)
    assert schemas["SearchBody"]["properties"]["limit"]["description"] == "Hits at most; by default 10"
    assert schemas["SearchBody"]["required"] == ["query"]
    assert schemas["SearchBody"]["properties"]["offset"]["description"] == "Hits to skip, for paging; by default 0"
    assert schemas["SearchBody"]["properties"]["explain"]["description"].endswith("; by default false")
    assert "by default" not in schemas["Hit"]["properties"]["contributions"]["description"]


def test_members_of_problems_that_a_client_goes_on_by_are_described(description: dict[str, Any]) -> None:
    problem = description["components"]["schemas"]["ProblemDetails"]
    more = {"errors", "position", "job", "submitted", "next", "rejected", "rejected_count"}
    assert problem["properties"].keys() - {*problem["required"]} == more
    assert all(problem["properties"][name]["description"] for name in more)
    assert problem["properties"]["next"]["type"] == "integer"
    assert problem["properties"]["rejected"]["items"] == {"$ref": "#/components/schemas/Rejected"}
