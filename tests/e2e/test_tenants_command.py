"""Commands for tenants that share a collection: bound to one by the environment alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.jsonl import write_jsonl

RECORDS = [
    {"id": str(number), "text": f"A {animal} of {name} hunts.", "customer": name}
    for name in ("acme", "globex")
    for number, animal in enumerate(["lion", "tiger"])
]


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """An index with documents of two tenants, in a process that works for both."""
    cli = Cli(tmp_path / "index", capsys)
    monkeypatch.setenv("POSTINGS_TENANT_FIELD", "customer")
    ran = cli("ingest", write_jsonl(tmp_path / "x.jsonl", RECORDS), "--json")
    assert (ran.status, ran.json["indexed"], ran.json["duplicates"]) == (0, 4, 0), ran.err
    return cli


def texts(cli: Cli, *options: str) -> set[str]:
    return {hit["text"] for hit in cli("search", "who hunts", "--json", *options).json["hits"]}


def test_commands_of_a_bound_process_see_and_delete_its_documents_alone(
    filled: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(texts(filled)) == 4
    assert filled("info", "--json").json["words"]["measured_on"] == 4
    monkeypatch.setenv("POSTINGS_TENANT", "acme")
    others = json.dumps({"must": [{"key": "metadata.customer", "match": {"value": "globex"}}]})
    assert texts(filled) == {"A lion of acme hunts.", "A tiger of acme hunts."}
    assert texts(filled, "--filter", others) == set()
    info = filled("info", "--json").json
    assert (info["documents"], info["passages"]) == (2, 2)
    assert "measured_on" not in info["words"]  # it counts the passages of all tenants
    assert filled("delete", "0", "--json").json["deleted"] == ["0"]
    assert filled("info", "--json").json["documents"] == 1
    monkeypatch.setenv("POSTINGS_TENANT", "globex")
    assert texts(filled) == {"A lion of globex hunts.", "A tiger of globex hunts."}
    refused = filled("models", "drop", "tiny")
    assert (refused.status, "unset POSTINGS_TENANT" in refused.err) == (1, True)


def test_a_delete_says_whose_document_it_deletes(filled: Cli) -> None:
    ran = filled("delete", "0")
    assert (ran.status, ran.out) == (1, "")
    assert "set POSTINGS_TENANT to say whose documents these are" in ran.err
    assert filled("info", "--json").json["documents"] == 4


def test_a_writer_that_knows_no_tenants_is_told_of_them(
    filled: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POSTINGS_TENANT_FIELD")
    ran = filled("ingest", write_jsonl(tmp_path / "y.jsonl", RECORDS[:1]))
    assert ran.status == 1
    assert "set POSTINGS_TENANT_FIELD" in ran.err
    monkeypatch.setenv("POSTINGS_TENANT", "acme")
    ran = filled("search", "who hunts")
    assert ran.status == 1
    assert "a tenant needs POSTINGS_TENANT_FIELD too" in ran.err
