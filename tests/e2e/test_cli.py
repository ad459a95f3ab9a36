"""The commands, as a user meets them: right input, wrong input, and what they print."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from postings import EdgeIndex, Encoder
from postings.index.proxy import waiting
from postings_ingest import Pipeline, read_documents
from tests.support.cli import Cli
from tests.support.folders import copy_index
from tests.support.jsonl import write_jsonl
from tests.support.models import quiet_tiny, save, small_bert

ARTICLES = [
    {"id": "lion", "title": "Lions", "text": "A lion hunts antelopes at dusk.", "lang": "en", "year": 2020},
    {"id": "bread", "title": "Bread", "text": "A man is eating a piece of bread.", "lang": "en", "year": 2021},
    {"id": "violin", "text": "A woman is playing violin.", "metadata": {"lang": "en", "year": 2022}},
]


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path / "index", capsys)


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "articles.jsonl", ARTICLES)


@pytest.fixture(scope="module")
def indexed_articles(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with their collection, which tests only read."""
    folder = tmp_path_factory.mktemp("articles")
    source = write_jsonl(folder / "articles.jsonl", ARTICLES)
    with EdgeIndex(folder / "index") as index:
        Pipeline(encoder, index).run(read_documents(str(source), pytest.fail))
    return folder / "index"


@pytest.fixture
def articles_cli(indexed_articles: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(indexed_articles, capsys)


def test_ingest_search_info_delete(cli: Cli, articles: Path) -> None:
    ingested = cli("ingest", articles)
    assert (ingested.status, ingested.err) == (0, "")
    assert ingested.out.startswith("3 documents (3 passages) indexed into 'documents' in ")

    info = cli("info", "--json").json
    assert {key: info[key] for key in ("collection", "documents", "passages", "tombstones", "model")} == {
        "collection": "documents",
        "documents": 3,
        "passages": 3,
        "tombstones": 0,
        "model": "tiny",
    }

    found = cli("search", "eating bread", "--json", "--explain", "--limit", "2").json
    assert found["query"] == "eating bread"
    hit = found["hits"][0]
    assert (hit["id"], hit["title"], hit["metadata"]) == ("bread", "Bread", {"lang": "en", "year": 2021})
    assert sum(part["contribution"] for part in hit["contributions"]) == pytest.approx(hit["score"], rel=1e-4)
    assert {part["token"] for part in hit["contributions"] if part["exact_word"]} == {"eating", "bread"}
    assert {part["token"] for part in hit["contributions"]} <= {term["token"] for term in found["terms"]}
    tokens = {part["token"]: part for part in hit["contributions"] if not part["exact_word"]}
    shown = {
        (token, hit[field][start:end])
        for token in ("eating", "bread")
        for field, spans in (("text", "evidence"), ("title", "title_evidence"))
        for start, end in tokens[token][spans]
    }
    assert shown == {("eating", "eating"), ("bread", "Bread")}

    assert cli("delete", "bread", "nothing").out == "1 deleted\n1 not found: nothing\n"
    assert [hit["id"] for hit in cli("search", "eating bread", "--json").json["hits"]] != ["bread"]
    info = cli("info", "--json").json
    assert (info["documents"], info["passages"], info["tombstones"]) == (2, 2, 2)


def test_hits_are_printed_for_people_without_control_characters(cli: Cli, tmp_path: Path) -> None:
    rows = [{"id": "evil", "title": "[bold]no markup[/bold]", "text": "a lion \x1b[31mred\x07\nand lines"}]
    cli("ingest", write_jsonl(tmp_path / "evil.jsonl", rows))
    shown = cli("search", "lion", "--explain")
    assert "[bold]no markup[/bold]" in shown.out
    assert "\x1b" not in shown.out
    assert "\x07" not in shown.out
    assert "lion" in shown.out
    assert cli("search", "lion", "--score-threshold", "1e9").out == "no hits\n"


def test_the_title_is_evidence_too(cli: Cli, tmp_path: Path) -> None:
    cli("ingest", write_jsonl(tmp_path / "x.jsonl", [{"id": "a", "title": "Lions", "text": "They hunt at night."}]))
    assert "lion 2" in (shown := cli("search", "lion", "--explain").out)
    assert "← Lions" in shown


def test_a_long_title_is_cut(cli: Cli, tmp_path: Path) -> None:
    cli("ingest", write_jsonl(tmp_path / "x.jsonl", [{"id": "a", "title": "lions " * 100, "text": "a lion"}]))
    heading = cli("search", "lion").out.splitlines()[0]
    assert heading.endswith("lions li …  a")
    assert 200 < len(heading) < 240


def test_a_search_says_how_much_of_a_long_query_it_did_not_read(articles_cli: Cli) -> None:
    assert articles_cli("search", "lions", "--json").json["query_tokens_left_out"] == 0
    found = articles_cli("search", "lions " * 1000, "--json")
    left_out = found.json["query_tokens_left_out"]
    assert 0 < left_out < 1000
    assert found.err == ""
    assert f"its last {left_out} tokens weren't read" in articles_cli("search", "lions " * 1000).err


def test_a_filter_limits_a_search(articles_cli: Cli) -> None:
    later = json.dumps({"must": [{"key": "metadata.year", "range": {"gte": 2022}}]})
    assert [hit["id"] for hit in articles_cli("search", "a", "--json", "--filter", later).json["hits"]] == ["violin"]


def test_bad_records_are_reported_counted_and_kept(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "mixed.jsonl"
    good = json.dumps(ARTICLES[0]).encode()
    lines = [good, b"not json", b'{"text": "no id"}', b'{"id": "x", "text": "\xff"}', b'{"id": "e", "text": " "}']
    source.write_bytes(b"\n".join(lines) + b"\n")
    rejects = tmp_path / "rejects.jsonl"
    ran = cli("ingest", source, "--rejects", rejects)
    assert ran.status == 3
    assert "1 document (1 passage) indexed" in ran.out
    assert "4 rejected" in ran.out
    assert f"rejected {source}:2: not JSON" in ran.err
    written = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(entry["file"], entry["line"]) for entry in written] == [(str(source), line) for line in (2, 3, 4, 5)]
    assert "id is missing" in written[1]["reason"]
    assert "invalid UTF-8" in written[2]["reason"]
    assert "no text" in written[3]["reason"]


def test_many_bad_records_do_not_flood_the_terminal(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "bad.jsonl"
    source.write_text("nonsense\n" * 50)
    ran = cli("ingest", source, "--json")
    assert (ran.status, ran.json["rejected"], ran.json["documents"]) == (3, 50, 0)
    assert len(ran.err.splitlines()) == 11
    assert ran.err.splitlines()[-1] == "… and 40 more rejected; --rejects FILE writes all to a file"


def test_the_same_file_twice_leaves_every_document_once(cli: Cli, articles: Path) -> None:
    cli("ingest", articles)
    assert "3 documents" in cli("ingest", articles).out
    assert cli("info", "--json").json["documents"] == 3


def test_an_older_version_is_superseded(cli: Cli, tmp_path: Path) -> None:
    cli("ingest", write_jsonl(tmp_path / "new.jsonl", [{"id": "a", "text": "the new text", "version": 7}]))
    ran = cli("ingest", write_jsonl(tmp_path / "old.jsonl", [{"id": "a", "text": "the old text", "version": 6}]))
    assert (ran.status, "1 superseded by newer versions" in ran.out) == (0, True)
    assert cli("search", "text", "--json").json["hits"][0]["text"] == "the new text"


def test_collections_are_kept_apart(cli: Cli, articles: Path) -> None:
    cli("ingest", articles, "--collection", "one")
    cli("ingest", articles, "--collection", "two")
    cli("delete", "lion", "--collection", "one")
    assert cli("info", "--json", "--collection", "one").json["documents"] == 2
    assert cli("info", "--json", "--collection", "two").json["documents"] == 3
    assert sorted(path.name for path in cli.folder.iterdir()) == ["one", "two"]


def test_several_sources_of_several_formats_in_one_run(cli: Cli, articles: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    (notes / "deep").mkdir(parents=True)
    (notes / "deep" / "plan.md").write_text("# The plan\n\nHunt lions with a camera.")
    table = tmp_path / "table.csv"
    table.write_text('id,text,lang\n1,"Zebras, many of them",en\n')
    assert "5 documents" in cli("ingest", articles, notes, table).out
    assert cli("search", "plan", "--json", "--limit", "1").json["hits"][0]["title"] == "The plan"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["ingest", "nowhere.jsonl"], "nowhere.jsonl doesn't exist"),
        (["ingest", "pyproject.toml"], "unknown format '.toml': expected one of"),
        (["search", "lions"], "there is no collection 'documents' in"),
        (["search", "lions"], "(there is no other)"),
        (["search", "lions", "--collection", "../up"], "expected a collection name of 1 to 200 letters"),
        (["info"], "create it with 'postings ingest'"),
        (["delete", "x"], "there is no collection"),
        (["delete", ""], "id is empty"),
        (["info", "--collection", ""], "setting 'collection'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(cli: Cli, arguments: list[str], expected: str) -> None:
    ran = cli(*arguments)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("error: ")
    assert expected in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["search", " "], "the query is empty"),
        (["search", "x", "--limit", "20000"], "at most 10,000"),
        (["search", "x", "--filter", "{"], "--filter: expected JSON such as"),
        (["search", "x", "--filter", "[]"], "--filter: expected JSON such as"),
        (["search", "x", "--filter", '{"musst": []}'], "filter has unknown ['musst']"),
        (
            ["search", "x", "--filter", '{"must": [{"key": "metadata.a", "match": {"value": 1.5}}]}'],
            "filter.must[0].match",
        ),
        (
            ["search", "x", "--filter", '{"must_not": [{"key": "legs", "match": {"value": 2}}]}'],
            "no field is called 'legs'; did you mean 'metadata.legs'?",
        ),
        (["search", "x", "--model", "tinny"], "there is no model 'tinny'"),
    ],
)
def test_a_search_that_cannot_be_answered_says_why(articles_cli: Cli, arguments: list[str], expected: str) -> None:
    ran = articles_cli(*arguments)
    assert (ran.status, ran.out) == (1, "")
    assert expected in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [["ingest"], ["search"], ["serach", "x"], ["search", "x", "--limit", "many"], ["search", "x", "--fusion", "rff"]],
)
def test_wrong_usage_exits_with_2(cli: Cli, arguments: list[str]) -> None:
    ran = cli(*arguments)
    assert ran.status == 2
    assert "Usage: " in ran.err


def test_a_model_that_is_not_the_collections_is_refused(cli: Cli, articles: Path, tmp_path: Path) -> None:
    other = quiet_tiny(tmp_path)
    cli("ingest", articles)
    for arguments in (["ingest", str(articles)], ["search", "lions"]):
        ran = cli(*arguments, "--model", str(other))
        assert ran.status == 1
        assert "holds vectors of model 'tiny'" in ran.err
    assert cli("info", "--json").json["documents"] == 3


def test_a_folder_that_another_process_has_open_is_reported(articles_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOCKED_SECONDS", 0)
    with EdgeIndex(articles_cli.folder):
        ran = articles_cli("info")
    assert ran.status == 1
    assert "another process has the index open" in ran.err
    assert "WAL" not in ran.err  # the engine's own words say nothing to whoever runs a command
    assert articles_cli("info").status == 0


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda folder: (folder / "collection.json").unlink(), "isn't a Postings collection"),
        (lambda folder: (folder / "collection.json").write_text("{"), "isn't a Postings collection"),
        (lambda folder: (folder / "collection.json").write_text('{"schema": 99}'), "written by a newer version"),
        (lambda folder: (folder / "collection.json").write_text("[]"), "doesn't say which model"),
        (lambda folder: shutil.rmtree(folder / "shard"), "cannot load edge shard"),
    ],
)
def test_a_broken_index_folder_is_reported(
    cli: Cli, articles: Path, indexed_articles: Path, damage: object, expected: str
) -> None:
    copy_index(indexed_articles, cli.folder)
    damage(cli.folder / "documents")  # type: ignore[operator]
    for arguments in (["info"], ["ingest", str(articles)]):
        ran = cli(*arguments)
        assert ran.status == 1
        assert expected in ran.err
        assert "Traceback" not in ran.err


def test_a_file_where_the_folder_should_be_is_reported(cli: Cli, articles: Path) -> None:
    cli.folder.write_text("a file")
    ran = cli("ingest", articles)
    assert ran.status == 1
    assert ran.err == f"error: the index needs a folder, but {cli.folder} is a file\n"


def test_a_snippet_shows_the_part_that_was_found(cli: Cli, tmp_path: Path) -> None:
    text = "Nothing to see here. " * 60 + "A zebra grazes." + " Nothing to see here." * 60
    cli("ingest", write_jsonl(tmp_path / "long.jsonl", [{"id": "a", "text": text}]))
    assert "A zebra grazes." in cli("search", "zebra").out


@pytest.mark.parametrize("option", [["--limit", "0"], ["--offset", "-1"], ["--limit", "many"]])
def test_an_option_out_of_range_is_wrong_usage(articles_cli: Cli, option: list[str]) -> None:
    ran = articles_cli("search", "lion", *option)
    assert (ran.status, ran.out) == (2, "")
    assert f"Invalid value for '{option[0]}'" in ran.err


def test_a_first_export_of_a_model_says_so(
    cli: Cli, articles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = save(small_bert, tmp_path)
    said = f"exporting {model} to ONNX, once; this takes a while\n"
    assert cli("ingest", articles, "--model", model).err == said
    assert cli("search", "prey", "--model", model).err == ""
