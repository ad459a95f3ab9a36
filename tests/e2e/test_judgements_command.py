"""`postings judgements`: what it prints, writes and reads, with and without a service that has the folder open."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from postings import Settings, open_index
from postings.index.tenants import settings_of_tenant
from postings_ingest import delete_documents
from postings_query.judgements import Judgement, Judgements
from postings_training import load_beir, load_set
from tests.support.beir import write_beir
from tests.support.cli import Cli, Command
from tests.support.jsonl import write_jsonl
from tests.support.sharing import serving
from tests.support.worker import environment_of, until

ARTICLES = [
    {"id": "lion", "title": "Lions", "text": "A lion hunts antelopes at dusk.", "legs": 4},
    {"id": "bread", "title": "Bread", "text": "A man is eating a piece of bread."},
    {"id": "a\tb", "text": "A woman is playing violin."},
]
QUERIES = {"q1": "what hunts", "q2": "what is eaten"}


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    cli = Cli(tmp_path / "index", capsys)
    assert cli("ingest", write_jsonl(tmp_path / "articles.jsonl", ARTICLES)).status == 0
    return cli


@pytest.fixture
def kept(cli: Cli) -> Judgements:
    kept = Judgements.of_settings(Settings(index_url=str(cli.folder)))
    kept.save(
        [Judgement("what hunts", "lion", 2, "5f0c", 1_700_000_000_000), Judgement("what hunts", "bread", 0, "ann")]
    )
    return kept


@pytest.fixture(params=[nullcontext, serving], ids=["alone", "while it is served"])
def beside(request: pytest.FixtureRequest, cli: Cli) -> Iterator[None]:
    kind: Callable[..., AbstractContextManager[object]] = request.param
    with kind() if kind is nullcontext else kind(Path(cli.folder)):
        yield


def test_judgements_are_listed(cli: Cli, kept: Judgements) -> None:
    kept.save([Judgement("a title\n and a forged line", "bread", 1, "ann", 0)])
    listed = cli("judgements", "list")
    assert listed.out.splitlines()[0] == "2  what hunts  lion  5f0c  2023-11-14 22:13:20+00:00"
    assert len(listed.out.splitlines()) == 3
    assert cli("judgements", "list", "--json").json == [each.to_json() for each in kept]
    assert [each["id"] for each in cli("judgements", "list", "--query", "what hunts", "--json").json] == [
        "lion",
        "bread",
    ]
    assert cli("judgements", "list", "--collection", "other").out == ""


@pytest.mark.usefixtures("beside")
def test_what_is_exported_has_all_documents_and_judgements(cli: Cli, kept: Judgements, tmp_path: Path) -> None:
    done = cli("judgements", "export", tmp_path / "judged")
    assert (done.status, done.err) == (0, "")
    assert done.out == f"2 judgements of queries (1 in 'test') and 3 documents written to {tmp_path / 'judged'}\n"
    read = load_set(tmp_path / "judged")
    assert {*read.corpus} == {"lion", "bread", "a\tb"}
    (grades,) = read.judged.judgements.values()
    assert grades == {"lion": 2, "bread": 0}
    assert [*read.judged.queries.values()] == ["what hunts"]
    assert {each.name for each in tmp_path.iterdir()} == {"articles.jsonl", "index", "judged"}


@pytest.mark.usefixtures("beside")
def test_a_labelled_set_becomes_the_collection_s_judgements(cli: Cli, kept: Judgements, tmp_path: Path) -> None:
    labels = {"q1": {"lion": 3}, "q2": {"bread": 1, "lion": 0}}
    folder = write_beir(tmp_path / "labelled", {"lion": "x", "bread": "x"}, QUERIES, labels, "dev")
    done = cli("judgements", "import", folder, "--split", "dev")
    assert (done.status, done.err) == (0, "")
    assert done.out == "3 judgements of 2 queries are those of 'documents'\n"
    assert kept.grades() == {"what hunts": {"lion": 3, "bread": 0}, "what is eaten": {"bread": 1, "lion": 0}}
    assert {each.by for each in kept} == {"labelled/dev", "ann"}
    assert cli("judgements", "import", folder, "--split", "dev", "--json").json == {"queries": 2, "judgements": 3}


@pytest.mark.parametrize(
    ("grade", "said"), [(4, "document 'lion' has the grade 4 for 'what hunts': expected 0 to 3"), (-1, "grade -1")]
)
def test_a_set_with_a_grade_that_there_is_not_is_refused_as_a_whole(
    cli: Cli, kept: Judgements, tmp_path: Path, grade: int, said: str
) -> None:
    before = [*kept]
    folder = write_beir(tmp_path / "l", {}, QUERIES, {"q2": {"bread": 1}, "q1": {"lion": grade}})
    refused = cli("judgements", "import", folder)
    assert (refused.status, said in refused.err) == (1, True)
    assert [*kept] == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "{out}", "--collection", "other"], "there is no collection 'other'"),
        (["export", "{folder}"], "is there already"),
        (["export", "{index}"], "which is read"),
        (["import", "{folder}"], "isn't a BEIR folder: it has no queries.jsonl"),
        (["import", "{labels}", "--collection", "other"], "there is no collection 'other'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    cli: Cli, kept: Judgements, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "theirs").touch()
    labels = write_beir(tmp_path / "labels", {}, QUERIES, {"q1": {"lion": 1}})
    places = {"out": tmp_path / "out", "folder": tmp_path / "folder", "index": cli.folder, "labels": labels}
    before, there = [*kept], {*tmp_path.iterdir()}
    refused = cli("judgements", *(each.format(**places) for each in arguments))
    assert refused.status == 1
    assert said in refused.err
    assert refused.err.count("\n") == 1
    assert [*kept] == before
    assert {*tmp_path.iterdir()} == there
    assert [each.name for each in (tmp_path / "folder").iterdir()] == ["theirs"]


def test_an_export_without_judgements_is_refused(cli: Cli, tmp_path: Path) -> None:
    refused = cli("judgements", "export", tmp_path / "out")
    assert (refused.status, "nothing is judged" in refused.err) == (1, True)
    assert not (tmp_path / "out").exists()


def test_what_qrels_cannot_hold_and_what_is_gone_is_said(cli: Cli, kept: Judgements, tmp_path: Path) -> None:
    kept.save([Judgement("music", "a\tb", 1, "ann"), Judgement("music", "lion", 0, "ann")])
    with open_index(Settings(index_url=str(cli.folder))) as index:
        delete_documents(index, ["bread"])
    done = cli("judgements", "export", tmp_path / "out")
    assert done.status == 3
    assert "left out: 1 judgements of documents that the collection doesn't have" in done.err
    assert "judgements of 'a\\tb'" in done.err
    graded = load_beir(tmp_path / "out")
    assert [*graded.judgements.values()] == [{"lion": 2}, {"lion": 0}]


def test_queries_to_train_on_are_told_apart_from_those_to_test_with(cli: Cli, kept: Judgements, tmp_path: Path) -> None:
    kept.save(Judgement(f"query {number}", "lion", 1, "ann") for number in range(50))
    done = cli("judgements", "export", tmp_path / "out", "--split", "dev", "--train", "0.5", "--json").json
    assert {*done["queries"]} == {"train", "dev"}
    parts = [{*load_beir(tmp_path / "out", split).queries.values()} for split in ("train", "dev")]
    assert (parts[0] & parts[1], len(parts[0] | parts[1])) == (set(), 51)
    assert cli("judgements", "export", tmp_path / "all", "--train", "1", "--json").json["queries"] == {"train": 51}


def test_an_export_that_is_killed_leaves_a_whole_folder_or_none(cli: Cli, kept: Judgements, tmp_path: Path) -> None:
    many = ({"id": str(number), "text": "A lion hunts.", "more": "long " * 40_000} for number in range(200))
    assert cli("ingest", write_jsonl(tmp_path / "many.jsonl", many)).status == 0
    environment = environment_of(Settings(index_url=str(cli.folder)))
    command = Command(tmp_path, "judgements", "export", tmp_path / "out", env=environment)

    def begun() -> bool:
        return any(each.stat().st_size for each in tmp_path.glob(".out.*.partial/.corpus*"))

    until(begun, f"it doesn't write: {command.err}")
    command.kill()
    if not (tmp_path / "out").exists():  # else it was done before
        assert cli("judgements", "export", tmp_path / "out").status == 0
    assert len(load_set(tmp_path / "out").corpus) == 203


def test_a_tenant_exports_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTINGS_TENANT_FIELD", "customer")
    cli = Cli(tmp_path / "index", capsys)
    documents = [{"id": "1", "text": f"{name} eats.", "customer": name} for name in ("acme", "globex")]
    assert cli("ingest", write_jsonl(tmp_path / "documents.jsonl", documents)).status == 0
    for grade, name in enumerate(("acme", "globex"), 1):
        settings = settings_of_tenant(Settings(index_url=str(cli.folder)), name)
        Judgements.of_settings(settings).save([Judgement("who eats", "1", grade, "ann")])
    for command in (["list"], ["export", str(tmp_path / "out")]):
        refused = cli("judgements", *command)
        assert (refused.status, "POSTINGS_TENANT" in refused.err) == (1, True)
    for grade, name in enumerate(("acme", "globex"), 1):
        monkeypatch.setenv("POSTINGS_TENANT", name)
        assert cli("judgements", "export", tmp_path / name).status == 0
        read = load_set(tmp_path / name)
        assert [each.text for each in read.corpus.values()] == [f"{name} eats."]
        assert [*read.judged.judgements.values()] == [{"1": grade}]


def test_judgements_stay_when_a_collection_is_dropped_and_come_back_with_it(
    cli: Cli, kept: Judgements, tmp_path: Path
) -> None:
    before = [*kept]
    assert cli("snapshot", tmp_path / "saved").status == 0
    assert cli("collections", "drop", "documents", "--yes").status == 0
    assert cli("collections", "list").out == "", "the file beside the collections is none of them"
    assert [*kept] == before
    assert cli("restore", tmp_path / "saved").status == 0
    assert [*kept] == before
    assert cli("judgements", "export", tmp_path / "out").status == 0


def test_a_server_s_judgements_need_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Cli("http://localhost:9", capsys)
    refused = server("judgements", "list")
    assert (refused.status, "set POSTINGS_JUDGEMENTS to a file" in refused.err) == (1, True)
    monkeypatch.setenv("POSTINGS_JUDGEMENTS", os.fspath(tmp_path / "judged.db"))
    assert server("judgements", "list").status == 0
