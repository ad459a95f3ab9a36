"""What docs/guides/mcp.md says is right: its commands and configurations start the tools, and its code runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from postings_serve.mcp.tools import TOOLS
from tests.support.code_blocks import ROOT, blocks_of, of_postings
from tests.support.mcp_sessions import in_session, tools
from tests.support.parsed_commands import check_command
from tests.support.serve_command import settled_environment

PAGE = ROOT / "docs/guides/mcp.md"
BIN = Path(sys.executable).parent
BLOCKS = blocks_of(PAGE)
SCRIPT = "".join(block.code for block in BLOCKS if block.language == "sh")
COMMANDS = list(of_postings(SCRIPT))
CONFIGURATIONS = [json.loads(block.code) for block in BLOCKS if block.language == "json"]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_has_the_options_that_are_named(arguments: list[str]) -> None:
    check_command(arguments)


def test_all_commands_were_found() -> None:
    assert len(COMMANDS) == 4
    assert [line.split()[:3] for line in SCRIPT.splitlines() if line.startswith("claude ")] == [
        ["claude", "mcp", "add"]
    ] * 3


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
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    told = {name: (scope, set(re.findall(r"`(\w+)`", taken))) for name, scope, taken in rows}
    assert told == {tool.name: (tool.scope, tool.arguments.model_fields.keys() - {"collection"}) for tool in TOOLS}
    assert [tool.name for tool in TOOLS if "collection" not in tool.arguments.model_fields] == ["collections"]


def test_the_code_runs(tmp_path: Path) -> None:
    (code,) = (block.code for block in BLOCKS if block.language == "python")
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
