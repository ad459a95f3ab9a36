"""Every code block of the documentation runs, or is checked as far as it can be."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from postings import Document, Encoder, Settings, open_index
from postings_cli.main import run as postings
from postings_ingest import Pipeline
from postings_serve.app import api
from tests.support.code_blocks import PAGES, ROOT, Block, blocks_of, commands, of_postings
from tests.support.folders import copy_index
from tests.support.parsed_commands import check_command

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
# The README has a test of its own, and the adapters need frameworks: tests/adapters/test_docs.py.
ELSEWHERE = {ROOT / "README.md", ROOT / "docs/guides/adapters.md"}
RUN = [page for page in PAGES if page not in ELSEWHERE and any(each.runs for each in blocks_of(page))]
LANGUAGES = {"sh", "python", "json", "yaml", "toml", "text"}
SHELL = [block for block in BLOCKS if block.language == "sh"]
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
COMMAND = re.compile(r"^(postings|pip|curl|docker|kubectl|export|make|helm) ", re.MULTILINE)
ANIMALS = (
    Document("cheetah", "A cheetah is running behind its prey.", "Cheetah", {"legs": 4, "lang": "en"}),
    Document("monkey", "A monkey is playing drums.", "Monkey", {"legs": 2, "lang": "en"}),
    Document("horse", "A man is riding a white horse on an enclosed ground.", metadata={"legs": 4, "lang": "en"}),
)


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index folder with the collection that the pages search: that of the quickstart."""
    folder = tmp_path_factory.mktemp("animals")
    settings = Settings(index_url=str(folder / "postings-data"), collection="animals")
    with open_index(settings) as index:
        Pipeline(Encoder.load("tiny"), index, settings).run(ANIMALS)
    return folder


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_code_of_a_page_run_in_order(page: Path, animals: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    copy_index(animals, folder)
    printed = ""
    for block in blocks_of(page):
        if block.runs:
            printed = run(block, folder)
        if block.output:
            missing = lines(block.code) - lines(printed)
            assert missing == set(), f"{block} isn't what is printed:\n{printed}"


def lines(text: str) -> set[str]:
    """Its lines, whose columns may be as wide as they like."""
    return {" ".join(line.split()) for line in text.splitlines()}


def run(block: Block, folder: Path) -> str:
    command = {
        "sh": ["bash", "-eu", "-o", "pipefail", "-c", block.code],
        "python": [sys.executable, "-W", "error", "-c", block.code],
    }[block.language]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, f"{block}: {ran.stderr}"
    return ran.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_are_of_a_known_kind(page: Path) -> None:
    for block in blocks_of(page):
        assert block.language in LANGUAGES, block
        if block.language == "text" and block.page not in ELSEWHERE:
            assert not COMMAND.search(block.code), f"{block} has commands: name it sh"


def test_commands_have_the_options_that_they_are_shown_with() -> None:
    wrong = []
    for block in SHELL:
        subprocess.run(["bash", "-n", "-c", block.code], check=True)
        for arguments in of_postings(block.code):
            try:
                check_command(arguments)
            except Exception as error:
                wrong.append(f"{block}: postings {' '.join(arguments)}: {error or type(error).__name__}")
    assert wrong == []


def test_a_command_with_an_unknown_option_is_noticed() -> None:
    ((arguments,),) = [list(of_postings("FOO=1 postings search 'a b' --no-such-option | head"))]
    with pytest.raises(Exception, match="no-such-option"):
        check_command(arguments)
    with pytest.raises(ValueError, match="no command 'serach'"):
        check_command(["serach"])


def test_pip_lines_name_extras_that_exist() -> None:
    named = {
        extra
        for block in BLOCKS
        for found in re.findall(r"postings\[([\w,-]+)\]", block.code)
        for extra in found.split(",")
    }
    assert named <= EXTRAS
    assert {"torch", "serve", "queue"} <= named


def test_requests_are_of_routes_that_exist() -> None:
    """The path, the method and the fields of each ``curl`` to the service."""
    description = api().openapi()
    seen = 0
    for block in SHELL:
        for words in commands(block.code):
            if "curl" in words and (addresses := [each for each in words if "localhost:8000/" in each]):
                check_request(description, addresses[0], words, block)
                seen += 1
    assert seen > 10


def check_request(description: dict[str, Any], address: str, words: list[str], block: Block) -> None:
    path = address.partition("localhost:8000")[2].partition("?")[0]
    matching = [known for known in description["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path)]
    if path == "/openapi.json":
        return
    assert matching, f"{block}: no route {path}"
    sends = [word for word in words if word in {"--json", "-F", "--data-binary", "-d"}]
    method = words[words.index("-X") + 1].lower() if "-X" in words else "post" if sends else "get"
    operation = next(
        (description["paths"][each][method] for each in matching if method in description["paths"][each]), None
    )
    assert operation, f"{block}: {path} takes no {method}"
    if "--json" in words:
        body = json.loads(words[words.index("--json") + 1])
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        fields = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
        assert set(body) <= set(fields), f"{block}: {set(body) - set(fields)} of {path}"


def test_code_that_is_not_run_compiles_and_imports_what_exists() -> None:
    for block in BLOCKS:
        if block.language == "python" and not block.runs:
            for node in ast.walk(ast.parse(block.code)):
                if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("postings"):
                    assert importlib.util.find_spec(node.module), f"{block}: {node.module}"


def test_data_can_be_read() -> None:
    for block in BLOCKS:
        if block.language == "json":
            for each in [block.code] if block.code.startswith(("[", "{\n")) else block.code.splitlines():
                json.loads(each)
        elif block.language == "yaml":
            list(yaml.safe_load_all(block.code))
        elif block.language == "toml":
            tomllib.loads(block.code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_that_pages_name_exist(page: Path) -> None:
    known = {f"POSTINGS_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"\bPOSTINGS_[A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8")))
    assert {name for name in named if not name.startswith("POSTINGS_TEST_")} <= known


TROUBLES = (ROOT / "docs/guides/troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^### `(.+?)`", TROUBLES, re.MULTILINE)


@pytest.fixture(scope="module")
def source() -> str:
    """All source code, with the parts of strings that go over several lines joined."""
    folders = ("core", "ingest", "query", "training", "serve", "adapters", "cli")
    text = "\n".join(path.read_text(encoding="utf-8") for each in folders for path in (ROOT / each).rglob("*.py"))
    return re.sub(r'"\s*\n\s*f?"', "", text)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_that_has_a_remedy_is_one_that_can_be_met(message: str, source: str) -> None:
    assert message in source


def test_each_error_has_a_remedy() -> None:
    from postings import errors

    kinds = {
        name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.PostingsError)
    }
    named = set(re.findall(r"`(\w+)`", TROUBLES))
    described_by_their_kinds = {
        "PostingsError",
        "InvalidVector",
        "InvalidQuery",
        "InvalidMessage",
        "ModelError",
        "EncodingFailed",
        "IndexFailure",
        "IndexRejected",
        "QueueFailure",
        "DeadLetterNotFound",
        "JobUnfinished",
        "OutputLost",
    }
    assert kinds - named == described_by_their_kinds


def test_the_fields_of_json_output_are_those_that_are_printed(
    animals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the commands that need no queue and no training, named by ``docs/reference/json.md``."""
    table = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")
    folder = tmp_path / "folder"
    copy_index(animals, folder)
    monkeypatch.chdir(folder)
    Path("one.jsonl").write_text('{"id": "lion", "text": "A lion hunts."}\n')
    for command in ("ingest one.jsonl", "info", "get cheetah", "words", "models list", "delete lion"):
        name = command if command == "models list" else command.split()[0]
        row = re.search(rf"^\| `postings {name} --json` \| (.*) \|$", table, re.MULTILINE)
        assert row, f"the page doesn't say what {name} prints"
        assert postings([*command.split(), "-c", "animals", "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert {field for field in printed if f"`{field}`" not in row[1]} == set(), f"{name} prints more"
