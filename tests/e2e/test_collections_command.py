"""The commands for collections and single documents, as a user meets them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from postings import EdgeIndex
from tests.support.cli import Cli, Ran
from tests.support.indexes import ENGINES, served
from tests.support.jsonl import write_jsonl

TEXT = "A lion hunts antelopes at dusk.\n\nIts prey flees and hides in a thicket.\tThe lion sleeps. "
ARTICLES = [
    {"id": "lion", "title": "Lions", "text": TEXT, "metadata": {"lang": "en", "year": 2020}, "version": 3},
    {"id": "bread", "title": "Bread", "text": "A man is eating bread.", "metadata": {"lang": "en"}, "version": 1},
    {"id": "violon", "title": "", "text": "Une femme joue du violon.", "metadata": {"lang": "fr"}, "version": 1},
]
ENGLISH = '{"must": [{"key": "metadata.lang", "match": {"value": "en"}}]}'


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("POSTINGS_PASSAGE_TOKENS", "10")
    cli = Cli(tmp_path / "index", capsys)
    assert cli("ingest", write_jsonl(tmp_path / "articles.jsonl", ARTICLES)).status == 0
    return cli


def lines(ran: Ran) -> list[dict[str, object]]:
    return sorted((json.loads(line) for line in ran.out.splitlines()), key=lambda each: ids().index(str(each["id"])))


def ids() -> list[str]:
    return [str(article["id"]) for article in ARTICLES]


def failed(ran: Ran, words: str) -> None:
    assert ran.status in (1, 2)
    assert words in ran.err
    assert ran.out == ""


def test_a_document_is_shown_with_its_passages_and_weights_as_words(cli: Cli) -> None:
    shown = cli("get", "lion")
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.startswith(
        'id        lion\ntitle     Lions\nversion   3\nmetadata  {"lang": "en", "year": 2020}\n'
    )
    assert "\npassage 0, characters 0 to 31\nA lion hunts antelopes at dusk.\n" in shown.out
    found = cli("get", "lion", "--json").json
    assert found["text"] == TEXT
    assert found["passages"][0]["text"] == "A lion hunts antelopes at dusk."
    weights = found["passages"][0]["weights"]
    assert {"lion", "hunts"} <= {each["token"] for each in weights}
    assert f"\n{weights[0]['token']} {weights[0]['weight']:.2f}  {weights[1]['token']} " in shown.out
    assert len(weights) > 10
    assert weights == sorted(weights, key=lambda each: -each["weight"])
    assert len(cli("get", "lion", "--json", "--weights", "2").json["passages"][0]["weights"]) == 2


def test_a_document_is_shown_although_its_model_is_gone(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTINGS_PRECISION", "int8")  # so that no other test has loaded it
    record = Path(cli.folder) / "documents" / "collection.json"
    record.write_text(record.read_text().replace('"tiny"', '"gone/model"'))
    shown = cli("get", "bread", "--weights", "1")
    assert shown.status == 0
    assert "with numbers instead of words" in shown.err
    assert "A man is eating bread.\n[" in shown.out


def test_what_is_not_there_is_said(cli: Cli) -> None:
    failed(cli("get", "nobody"), "there is no document 'nobody' in collection 'documents'")
    failed(cli("get", "lion", "-c", "others"), "there is no collection 'others'")
    failed(cli("get", "lion", "--model", "others"), "no model is called 'others'")
    failed(cli("collections", "drop", "others", "--yes"), "there is no collection 'others'")
    failed(cli("snapshot", Path(cli.folder).parent / "saved", "-c", "others"), "there is no collection 'others'")
    failed(cli("restore", Path(cli.folder).parent / "saved", "-c", "others"), "there is no file")


def test_an_export_is_ingested_again(cli: Cli, tmp_path: Path) -> None:
    printed = cli("export")
    assert (printed.status, printed.err) == (0, "")
    assert lines(printed) == ARTICLES
    written = cli("export", "--out", tmp_path / "export.jsonl", "--vectors", "--json")
    assert written.json == {"documents": 3, "incomplete": []}
    records = [json.loads(line) for line in (tmp_path / "export.jsonl").read_text().splitlines()]
    assert all(record["_passages"][0]["vectors"] for record in records)
    assert cli("ingest", tmp_path / "export.jsonl", "-c", "again").status == 0
    assert lines(cli("export", "-c", "again")) == ARTICLES
    before, after = (cli("search", "hunting", "--json", "-c", name).json["hits"] for name in ("documents", "again"))
    assert before == after
    assert len(before) > 1


def test_an_export_is_of_some_documents_and_names_what_is_partly_stored(cli: Cli, tmp_path: Path) -> None:
    assert [record["id"] for record in lines(cli("export", "--filter", ENGLISH))] == ["lion", "bread"]
    with EdgeIndex(cli.folder) as index:
        index.delete(
            {"must": [{"key": "doc_id", "match": {"value": "lion"}}, {"key": "ordinal", "match": {"value": 1}}]}
        )
    ran = cli("export")
    assert (ran.status, ran.err) == (3, "only partly stored: 'lion'\n")
    assert [record["id"] for record in lines(ran)] == ["bread", "violon"]


def test_an_export_that_cannot_begin_leaves_the_file_as_it_was(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text("old")
    failed(cli("export", "--out", file, "-c", "others"), "there is no collection 'others'")
    failed(cli("export", "--out", file, "--filter", '{"must": [{"key": "text", "match": {"text": "a"}}]}'), "passages")
    failed(cli("export", "--out", Path(cli.folder) / "export.jsonl"), "which is read: name another place")
    failed(cli("export", "--json"), "needs --out")
    assert file.read_text() == "old"


def test_documents_are_deleted_by_a_filter(cli: Cli) -> None:
    tried = cli("delete", "--filter", ENGLISH, "--dry-run")
    assert tried.out.splitlines()[0] == "2 would be deleted"
    assert set(tried.out.splitlines()[1:]) == {"lion", "bread"}
    assert cli("delete", "--filter", ENGLISH, "--version", "2").out == "1 deleted\n"
    done = cli("delete", "--filter", ENGLISH, "--json").json
    assert (done["matching"], done["deleted_documents"], done["superseded"]) == (1, 1, [])
    assert [record["id"] for record in lines(cli("export"))] == ["violon"]
    assert cli("info", "--json").json["tombstones"] == 2


def test_a_delete_needs_ids_or_a_filter_that_selects(cli: Cli) -> None:
    failed(cli("delete"), "name documents, or give --filter")
    failed(cli("delete", "lion", "--filter", ENGLISH), "not both")
    failed(cli("delete", "lion", "--dry-run"), "needs --filter")
    failed(cli("delete", "--filter", "{}"), "no condition")
    failed(cli("delete", "--filter", "lion"), "isn't JSON")
    assert len(lines(cli("export"))) == 3


def test_a_collection_is_optimized(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("collections", "optimize", "documents").out.startswith("'documents' optimized: 3 documents (")
    assert cli("collections", "optimize", "documents", "--json").json["documents"] == 3
    failed(cli("collections", "optimize", "others"), "there is no collection 'others'")
    server = Cli("http://localhost:1", capsys)
    failed(server("collections", "optimize", "documents"), "a Qdrant server optimizes its collections by itself")


def test_collections_are_created_copied_listed_and_dropped(cli: Cli) -> None:
    assert cli("collections", "create", "empty").out == "'empty' created for model 'tiny'\n"
    failed(cli("collections", "create", "empty"), "there is a collection 'empty' already")
    copied = cli("collections", "copy", "documents", "copy", "--json").json
    assert (copied["target"], copied["documents"]) == ("copy", 3)
    failed(cli("collections", "copy", "documents", "copy"), "there is a collection 'copy' already")
    listed = cli("collections", "list", "--json").json
    assert [(each["collection"], each["documents"], each["model"]) for each in listed] == [
        ("copy", 3, "tiny"),
        ("documents", 3, "tiny"),
        ("empty", 0, "tiny"),
    ]
    assert "copy       3 documents (" in cli("collections", "list").out
    failed(cli("collections", "drop", "copy"), "pass --yes")
    dropped = cli("collections", "drop", "copy", "--yes")
    assert dropped.out.startswith("'copy' dropped, with 3 documents (")
    assert dropped.out.endswith("and the vectors of 'tiny'\n")
    assert [each["collection"] for each in cli("collections", "list", "--json").json] == ["documents", "empty"]


def test_a_dropped_collection_is_restored_from_its_snapshot(cli: Cli, tmp_path: Path) -> None:
    before = cli("search", "hunting lions", "--json", "--explain").json
    assert "'documents' saved to" in cli("snapshot", tmp_path / "saved").out
    failed(cli("restore", tmp_path / "saved"), "there is a collection 'documents'")
    assert cli("restore", tmp_path / "saved", "--replace").status == 0
    assert cli("collections", "drop", "documents", "--yes").status == 0
    assert cli("restore", tmp_path / "saved", "--json").json["model"] == "tiny"
    assert cli("search", "hunting lions", "--json", "--explain").json == before
    failed(cli("restore", tmp_path / "articles.jsonl", "-c", "other"), "isn't a snapshot")
    failed(cli("snapshot", Path(cli.folder) / "saved"), "name another place")


@pytest.mark.parametrize("engine", [name for name in ENGINES if name in ("rest", "grpc")])
def test_a_server_is_managed_by_the_same_commands(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(engine, f"test-{os.urandom(8).hex()}") as settings:
        name, copy = settings.collection, f"{settings.collection}-copy"
        monkeypatch.setenv("POSTINGS_INDEX_GRPC_PORT", str(settings.index_grpc_port))
        if settings.index_api_key is not None:
            monkeypatch.setenv("POSTINGS_INDEX_API_KEY", settings.index_api_key.get_secret_value())
        cli = Cli(settings.index_url, capsys)
        assert cli("ingest", write_jsonl(tmp_path / "articles.jsonl", ARTICLES), "-c", name).status == 0
        before = cli("search", "hunting lions", "--json", "-c", name).json["hits"]
        assert cli("snapshot", tmp_path / "saved", "-c", name).status == 0
        assert cli("collections", "copy", name, copy).status == 0
        assert cli("collections", "drop", name, "--yes").status == 0
        assert cli("restore", tmp_path / "saved", "-c", name).status == 0
        assert {name, copy} <= {each["collection"] for each in cli("collections", "list", "--json").json}
        for each in (name, copy):
            assert cli("search", "hunting lions", "--json", "-c", each).json["hits"] == before
            assert lines(cli("export", "-c", each)) == ARTICLES
        assert cli("get", "lion", "-c", copy, "--json").json["text"] == TEXT
        assert cli("collections", "drop", copy, "--yes").status == 0
