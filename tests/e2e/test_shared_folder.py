"""The commands on an index folder that another process has open."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest

from postings import EdgeIndex
from postings.index.proxy import waiting
from tests.support.cli import Cli, Command
from tests.support.jsonl import write_jsonl
from tests.support.sharing import serving

ARTICLES = [
    {"id": "lion", "title": "Lions", "text": "A lion hunts antelopes at dusk.", "version": 1},
    {"id": "bread", "title": "Bread", "text": "A man is eating a piece of bread.", "version": 1},
    {"id": "violin", "title": "", "text": "A woman is playing violin.", "version": 1},
]


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path / "index", capsys)


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "articles.jsonl", ARTICLES)


def answers(cli: Cli) -> list[object]:
    """What commands that only read print, but for the time that they took."""
    printed = [
        cli("info", "--json").json,
        {**cli("search", "eating bread", "--json", "--explain").json, "seconds": None},
        cli("get", "lion", "--json").json,
        cli("models", "list", "--json").json,
        cli("collections", "list", "--json").json,
    ]
    return [*printed, cli("export").out]


def test_commands_do_the_same_while_a_process_serves_the_folder(cli: Cli, articles: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "index"):
        assert cli("ingest", articles).out.startswith("3 documents (3 passages) indexed into 'documents' in ")
        assert cli("ingest", articles, "--json").json["unchanged"] == 3
        assert cli("delete", "violin").out == "1 deleted\n"
        assert cli("info", "--json").json["documents"] == 2
        shared = answers(cli)
    assert answers(cli) == shared


def test_collections_are_managed_while_a_process_serves_the_folder(cli: Cli, articles: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "index"):
        assert cli("ingest", articles).status == 0
        assert cli("collections", "copy", "documents", "copy", "--json").json["documents"] == 3
        assert cli("snapshot", tmp_path / "saved").status == 0
        assert cli("delete", "lion", "bread").status == 0
        assert cli("restore", tmp_path / "saved", "--replace").status == 0
        assert cli("collections", "optimize", "documents", "--json").json["documents"] == 3
        assert cli("collections", "drop", "copy", "--yes").status == 0
        assert cli("get", "lion").status == 0
        assert "there is no collection 'copy'" in cli("info", "-c", "copy").err
    assert [each["collection"] for each in cli("collections", "list", "--json").json] == ["documents"]


def test_commands_write_at_the_same_time_through_the_process(cli: Cli, tmp_path: Path) -> None:
    with serving(tmp_path / "index"):
        commands = []
        for number in range(3):
            records = [{"id": f"{number}-{each}", "text": f"Lion {each} of pride {number}."} for each in range(50)]
            source = write_jsonl(tmp_path / f"{number}.jsonl", records)
            commands.append(Command(tmp_path, "ingest", source, "--index", tmp_path / "index"))
        ran = [command.ended() for command in commands]
        assert [(each.status, each.err) for each in ran] == [(0, "")] * 3
    assert cli("info", "--json").json["documents"] == 150


def test_a_command_waits_for_another(
    cli: Cli, articles: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(waiting, "LOCKED_SECONDS", 120)
    assert cli("ingest", articles).status == 0
    opened, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with EdgeIndex(cli.folder):
            opened.set()
            while "waiting for another process" not in caplog.text and not let_go.is_set():
                time.sleep(0.005)

    holder = threading.Thread(target=hold)
    with caplog.at_level(logging.INFO, "postings"):
        holder.start()
        opened.wait()
        try:
            ran = cli("search", "eating bread", "--json")
        finally:
            let_go.set()
            holder.join()
    assert ran.status == 0
    assert ran.json["hits"][0]["id"] == "bread"
    assert "waiting for another process" in caplog.text
