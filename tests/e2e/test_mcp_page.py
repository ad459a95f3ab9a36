"""What docs/guides/mcp.md says is right: its commands and configurations start the tools, and its code runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from mcp import Client, StdioServerParameters

from postings_cli.app import app
from postings_serve.mcp.tools import TOOLS
from tests.support.mcp_sessions import in_session, tools
from tests.support.serve_command import settled_environment

PAGE = (Path(__file__).parents[2] / "docs/guides/mcp.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
LINES = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines()]
CONFIGURATIONS = [json.loads(block) for language, block in BLOCKS if language == "json"]


def command_of(line: str) -> list[str]:
    """The command of ours in a line: what stands after ``--`` is what another program starts."""
    words = shlex.split(line)
    return words[words.index("--") + 1 :] if "--" in words else words


COMMANDS = [words for words in map(command_of, LINES) if words[0] == "postings"]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_has_the_options_that_are_named(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_context("postings", rest)


def test_all_commands_were_found() -> None:
    assert len(COMMANDS) == 4
    assert [line.split()[:3] for line in LINES if line.startswith("claude ")] == [["claude", "mcp", "add"]] * 3


def test_a_configuration_starts_the_tools(tmp_path: Path) -> None:
    (started,) = (each for each in (one["mcpServers"]["postings"] for one in CONFIGURATIONS) if "command" in each)
    assert started["command"] == "postings"
    arguments = [str(tmp_path / "index") if each == "/data/postings" else each for each in started["args"]]
    assert arguments != started["args"]
    server = StdioServerParameters(command=str(BIN / "postings"), args=arguments, env=settled_environment())

    async def session(client: Client) -> list[str]:
        return list(await tools(client))

    assert in_session(server, session) == [tool.name for tool in TOOLS if tool.scope == "read"]


def test_the_table_has_every_tool_with_its_scope_and_arguments() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", PAGE, re.MULTILINE)
    told = {name: (scope, set(re.findall(r"`(\w+)`", taken))) for name, scope, taken in rows}
    assert told == {tool.name: (tool.scope, tool.arguments.model_fields.keys() - {"collection"}) for tool in TOOLS}
    assert [tool.name for tool in TOOLS if "collection" not in tool.arguments.model_fields] == ["collections"]


def test_the_code_runs(tmp_path: Path) -> None:
    (code,) = (block for language, block in BLOCKS if language == "python")
    # The client passes few variables on, so a checkout's packages must be found without them.
    environment = {**settled_environment(), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    passed = {name: environment[name] for name in ("PYTHONPATH",) if name in environment}
    code = code.replace('"--write"]', f'"--write"], env={passed!r}')
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("cheetah [('prey', ['prey']), ")
