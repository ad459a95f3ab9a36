"""Documents shown and deleted by id or filter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline
from postings_ingest.deletion import matching_documents
from tests.support.cli import Command
from tests.support.sentences import LONG
from tests.support.service import Service
from tests.support.worker import environment_of

IDS = [
    "1",
    "a/b",
    "/",
    "//a",
    "a/",
    "delete",
    "a",
    "a\n",
    "\n",
    "é ü",
    "%2F",
    "a%2Fb",
    "x?y#z",
    "a b",
    "\0",
    "🐆",
    "..a",
    "{}",
]
"""Each would be taken for another, or for a path, by a service that isn't careful."""


@pytest.fixture
def filled(settings: Settings, encoder: Encoder) -> Iterator[Service]:
    documents = [Document(id, f"A man is eating food {n}.", metadata={"n": n}, version=5) for n, id in enumerate(IDS)]
    with open_index(settings) as index:
        Pipeline(encoder, index, settings).run([*documents, Document("long", LONG, "Title", version=5)])
    with Service(settings) as service:
        yield service


@pytest.mark.parametrize("id", [".", "..", *IDS])
def test_any_id_is_found_by_a_parameter_also_one_that_clients_leave_out_of_a_path(
    filled: Service, encoder: Encoder, id: str
) -> None:
    index = filled.services.indexes.index(filled.services.settings.collection)
    if id not in IDS:
        Pipeline(encoder, index).run([Document(id, "A man is eating food.", version=5)])
    assert filled("GET", "/v1/documents", params={"id": id, "weights": 1}).json()["id"] == id
    assert filled("POST", "/v1/documents/delete", json={"ids": [id]}).json()["deleted"] == [id]
    assert filled("GET", "/v1/documents", params={"id": id}).status_code == 404


@pytest.mark.parametrize("id", IDS)
def test_any_id_is_shown_and_deleted_and_no_other(filled: Service, id: str) -> None:
    path = f"/v1/documents/{quote(id, safe='')}"
    shown = filled("GET", path).json()
    assert (shown["id"], shown["metadata"]["n"], shown["version"]) == (id, IDS.index(id), 5)
    assert filled("DELETE", path).json()["deleted"] == [id]
    assert filled("GET", path).status_code == 404
    assert filled("DELETE", path).json()["not_found"] == [id]
    left = [each for each in IDS if each != id]
    index = filled.services.indexes.index(filled.services.settings.collection)
    assert sorted(matching_documents(index, {"must": [{"key": "metadata.n", "range": {"gte": 0}}]})) == sorted(left)


def test_a_slash_may_stay_in_a_path(filled: Service) -> None:
    assert filled("GET", "/v1/documents/a/b").json()["id"] == "a/b"


@pytest.mark.parametrize(
    "path",
    ["/v1/documents", "/v1/documents?id=", "/v1/documents/", "/v1/documents/" + "x" * 513, "/v1/documents/1?weights=0"],
)
def test_what_no_document_can_have_is_refused(filled: Service, path: str) -> None:
    assert filled("GET", path).status_code == 422


def test_a_parameter_that_comes_twice_is_refused(filled: Service) -> None:
    """The answer would be that to the last alone."""
    answer = filled("GET", "/v1/documents?id=a&id=b&collection=documents")
    assert (answer.status_code, answer.json()["detail"]) == (422, "the parameter 'id' may come once")


def test_weights_are_those_that_the_command_shows(filled: Service, settings: Settings, tmp_path: Path) -> None:
    assert "weights" not in filled("GET", "/v1/documents/long").json()["passages"][0]
    shown = filled("GET", "/v1/documents/long", params={"weights": 7}).json()
    assert len(shown["passages"]) > 1
    assert {len(each["weights"]) for each in shown["passages"]} == {7}
    filled.services.indexes.close()
    command = Command(tmp_path, "get", "long", "--weights", "7", "--json", env=environment_of(settings))
    assert command.ended().json == shown


def test_a_delete_respects_versions(filled: Service) -> None:
    older = filled("DELETE", "/v1/documents/1", params={"version": 4}).json()
    assert older == {
        "version": 4,
        "deleted": [],
        "not_found": [],
        "superseded": [{"id": "1", "stored": 5, "deleted": False}],
    }
    assert filled("DELETE", "/v1/documents/1", params={"version": 9}).json()["deleted"] == ["1"]
    again = filled("DELETE", "/v1/documents/1", params={"version": 8}).json()
    assert again["superseded"] == [{"id": "1", "stored": 9, "deleted": True}]
    for version in ("-1", "x", str(2**53)):
        assert filled("DELETE", "/v1/documents/1", params={"version": version}).status_code == 422


def test_many_are_deleted_by_id_or_filter(filled: Service) -> None:
    few = {"must": [{"key": "metadata.n", "range": {"lt": 3}}]}
    matching = filled("POST", "/v1/documents/delete", json={"filter": few, "dry_run": True}).json()
    assert (matching["matching"], sorted(matching["first"])) == (3, sorted(IDS[:3]))
    assert filled("GET", "/v1/documents/1").status_code == 200
    done = filled("POST", "/v1/documents/delete", json={"filter": few, "version": 7}).json()
    assert done == {"version": 7, "matching": 3, "deleted_documents": 3, "superseded": []}
    named = filled("POST", "/v1/documents/delete", json={"ids": ["long", "none", "long", ".."]}).json()
    assert (named["deleted"], named["not_found"]) == (["long"], ["none", ".."])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"ids": []}, 422),
        ({"ids": [""]}, 422),
        ({"ids": ["1"], "filter": {"must": []}}, 422),
        ({"ids": ["1"], "dry_run": True}, 422),
        ({"filter": {}}, 400),
        ({"filter": {"must": [{"key": "ordinal", "match": {"value": 1}}]}}, 400),
        ({"filter": {"must": 1}}, 400),
        ({"ids": ["1"], "version": 1.5}, 422),
        ({"ids": ["1"], "collection": "none"}, 404),
    ],
)
def test_a_delete_that_says_nothing_clear_deletes_nothing(
    filled: Service, body: dict[str, object], status: int
) -> None:
    answer = filled("POST", "/v1/documents/delete", json=body)
    assert answer.status_code == status, answer.text
    assert filled("GET", "/v1/documents/1").status_code == 200


def test_a_collection_that_is_missing_is_not_found(filled: Service) -> None:
    assert filled("GET", "/v1/documents/1", params={"collection": "none"}).status_code == 404
    assert filled("DELETE", "/v1/documents/1", params={"collection": "none"}).status_code == 404
