"""`postings mcp` in a process of its own, as assistants start it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters

from postings.index.proxy import OpenIndexes
from tests.support.cli import Cli, Command, start
from tests.support.mcp_sessions import called, in_session, over_http, refused, tools
from tests.support.serve_command import settled_environment
from tests.support.worker import until

POSTINGS = Path(sys.executable).parent / "postings"
DOCUMENTS = [
    {"id": "cheetah", "title": "Cheetah", "text": "A cheetah is running behind its prey.", "legs": 4},
    {"id": "monkey", "text": "A monkey is playing drums.", "legs": 2},
]
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def command(folder: Path, *options: str) -> StdioServerParameters:
    """The command, as the settings of an assistant have it."""
    return StdioServerParameters(
        command=str(POSTINGS), args=["mcp", "--index", str(folder), *options], env=settled_environment()
    )


def test_an_assistant_writes_searches_and_deletes(folder: Path) -> None:
    async def session(client: Client) -> None:
        assert client.server_info is not None
        assert client.server_info.name == "postings"
        assert (await called(client, "ingest", documents=DOCUMENTS))["indexed"] == 2
        (hit,) = (await called(client, "search", query="chasing prey", limit=1))["hits"]
        assert (hit["id"], hit["tokens"][0]["evidence"]) == ("cheetah", ["prey"])
        assert (await called(client, "facets"))["fields"]["legs"][0]["documents"] == 1
        assert (await called(client, "delete", ids=["monkey"]))["deleted"] == ["monkey"]
        assert (await called(client, "info"))["documents"] == 1

    in_session(command(folder, "--write"), session)


def test_without_write_nothing_is_changed_and_commands_work_meanwhile(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cli = Cli(folder, capsys)
    source = tmp_path / "documents.jsonl"
    source.write_text("".join(f"{json.dumps(each)}\n" for each in DOCUMENTS))

    async def session(client: Client) -> None:
        assert "ingest" not in await tools(client)
        assert "needs the scope 'write'" in await refused(client, "ingest", documents=DOCUMENTS)
        assert "there is no collection 'animals'" in await refused(client, "search", query="prey")
        assert cli("ingest", source, "--collection", "animals").status == 0
        assert (await called(client, "get", id="monkey"))["metadata"] == {"legs": 2}
        assert cli("delete", "monkey", "--collection", "animals").status == 0
        assert "there is no document 'monkey'" in await refused(client, "get", id="monkey")

    in_session(command(folder, "--collection", "animals"), session, "legacy")


def test_two_assistants_and_a_service_share_a_folder(folder: Path) -> None:
    async def fill(client: Client) -> None:
        await called(client, "ingest", documents=DOCUMENTS)

    async def session(client: Client) -> None:
        assert len((await called(client, "search", query="prey", limit=2))["hits"]) == 2

    async def both(client: Client) -> None:
        await session(client)
        async with Client(command(folder)) as other:
            await session(other)
            await session(client)

    in_session(command(folder, "--write"), fill)
    in_session(command(folder), both)
    with OpenIndexes(folder) as indexes:
        from postings.index.proxy import IndexServer

        with IndexServer(indexes):
            indexes.get("documents")
            in_session(command(folder), both)


@pytest.fixture
def process(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command, which has answered."""
    running = start("mcp", "--index", folder, stdin=subprocess.PIPE, env=settled_environment())
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(json.dumps(HELLO).encode() + b"\n")
    running.stdin.flush()
    answer = json.loads(running.stdout.readline())
    assert answer["result"]["serverInfo"]["name"] == "postings"
    yield running
    running.kill()
    running.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_though_stdin_is_open(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    process.send_signal(number)
    assert process.wait(60) == 0
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()


def test_a_closed_stdin_ends_it_and_stdout_has_messages_alone(process: subprocess.Popen[bytes]) -> None:
    call: dict[str, Any] = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "info"}}
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"this is no message\n\xff\n[]\n" + json.dumps(call).encode() + b"\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    assert (answer["id"], answer["result"]["isError"]) == (2, True)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"")
    assert b"tools on stdin and stdout" in err


def test_nobody_who_reads_ends_it(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()
    process.stdin.write(json.dumps(HELLO | {"id": 2, "method": "ping", "params": {}}).encode() + b"\n")
    process.stdin.flush()
    assert process.wait(60) == 0
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()


def test_over_http_keys_decide(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = Cli(folder, capsys)("keys", "create", "assistant", "--scope", "read", "--scope", "write").out.strip()
    service = Command(tmp_path, "mcp", "--http", "--port", "0", "--index", folder, env=settled_environment())
    try:
        until(lambda: "Ctrl-C ends" in service.err, "it doesn't start")
        found = re.search(r"^(http://\S+/mcp)  \(collection 'documents'\); Ctrl-C ends$", service.err, re.MULTILINE)
        assert found is not None

        async def session(client: Client) -> None:
            await called(client, "ingest", documents=DOCUMENTS)
            assert (await called(client, "search", query="prey", limit=1))["hits"][0]["id"] == "cheetah"

        assert httpx.post(found[1], json={}).status_code == 401
        over_http(found[1], key, session)
        os.kill(service.pid, signal.SIGTERM)
        ran = service.ended()
        assert (ran.status, ran.out) == (0, "")
        assert key not in ran.err
    finally:
        service.kill()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--port", "8001"], "--port"),
        (["--host", "0.0.0.0"], "--host"),
        (["--no-keys", "--host", "::"], "--host and --no-keys"),
    ],
)
def test_options_of_http_need_it(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], named: str
) -> None:
    ran = Cli(folder, capsys)("mcp", *options)
    assert ran.status == 2
    assert f"Invalid value for {named}: needs --http" in ran.err


def test_other_machines_are_let_in_by_a_key_alone(folder: Path, tmp_path: Path) -> None:
    options = ["--http", "--host", "0.0.0.0", "--index", str(folder)]
    ran = Command(tmp_path, "mcp", *options, env=settled_environment()).ended()
    assert (ran.status, ran.out) == (1, "")
    assert "other machines could read and change everything" in ran.err
