"""A client in TypeScript, over types that are generated from the OpenAPI description."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import Command
from tests.support.serve_command import serves, settled_environment

CLIENT = Path(__file__).parents[1] / "data" / "typescript-client"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client with its dependencies and the generated types."""
    if shutil.which("npm") is None:
        pytest.skip("npm isn't installed")
    package = tmp_path_factory.mktemp("client") / "client"
    shutil.copytree(CLIENT, package, ignore=shutil.ignore_patterns("node_modules"))
    installed = ran(package, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    if installed.returncode:
        pytest.skip(f"npm can't install the client's packages: {installed.stderr.strip()[-300:]}")
    # Neither an index nor Redis is there.
    nowhere = settled_environment(index_url="http://127.0.0.1:9", redis_url="redis://127.0.0.1:9")
    described = Command(package, "serve", "--openapi", env=nowhere).ended()
    assert (described.status, described.err) == (0, "")
    assert described.json["openapi"].startswith("3.1")
    (package / "openapi.json").write_text(described.out)
    generated = ran(package, "node_modules/.bin/openapi-typescript", "openapi.json", "--output", "api.d.ts")
    assert generated.returncode == 0, generated.stderr
    return package


def ran(package: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=package, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def errors(package: Path) -> set[tuple[str, int]]:
    """Files and lines where the compiler finds errors; it compiles the program nevertheless."""
    printed = ran(package, "node_modules/.bin/tsc", "--pretty", "false").stdout
    return {(file, int(line)) for file, line in re.findall(r"^([\w.]+)\((\d+),\d+\): error ", printed, re.MULTILINE)}


def test_the_types_find_what_is_wrong_and_nothing_else(package: Path, errors: set[tuple[str, int]]) -> None:
    lines = (package / "wrong.ts").read_text().splitlines()
    assert errors == {("wrong.ts", number) for number, line in enumerate(lines, 1) if line.endswith("// wrong")}


def test_a_client_ingests_and_searches(package: Path, errors: set[tuple[str, int]], tmp_path: Path) -> None:
    assert "client.ts" not in {file for file, _ in errors}
    with serves(tmp_path) as serve:
        done = ran(package, "node", "built/client.js", serve().url)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "indexed": 2,
        "best": "cheetah",
        "parts": ["prey"],
        "token": "PREY",
        "evidence": ["prey"],
        "year": 1999,
        "error": "collection-not-found",
        "retry": False,
    }
