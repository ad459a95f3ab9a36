"""What commands print with ``--json``, by running them on three documents."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from postings_cli.main import run

_DOCUMENTS = (
    {"id": "cheetah", "title": "Cheetah", "text": "A cheetah is running behind its prey.", "legs": 4},
    {"id": "monkey", "title": "Monkey", "text": "A monkey is playing drums.", "legs": 2},
    {"id": "horse", "text": "A man is riding a white horse on an enclosed ground.", "legs": 4},
)
_COMMANDS = (
    "ingest animals.jsonl",
    'search "chasing prey" --limit 1 --explain',
    "get cheetah",
    "info",
    "collections list",
    "models list",
    "words",
    "export --out export.jsonl",
    "delete monkey",
    "size -d 1e6",
)
_MOST = 40  # lines
_WIDTH = 100  # characters


def page(argument: str = "") -> str:  # noqa: ARG001
    """Each command and what it prints, cut after some lines."""
    with TemporaryDirectory() as folder, contextlib.chdir(folder), _only_defaults():
        Path("animals.jsonl").write_text("".join(json.dumps(each) + "\n" for each in _DOCUMENTS))
        return "\n\n".join(_example(command) for command in _COMMANDS)


def _example(command: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = run([*shlex.split(command), "--json"])
    if status:
        raise RuntimeError(f"postings {command} ended with {status}: {printed.getvalue()}")
    lines = _laid_out(json.loads(printed.getvalue())).splitlines()
    shown = lines if len(lines) <= _MOST else [*lines[:_MOST], "…"]
    return f"### postings {command} --json\n\n```json\n" + "\n".join(shown) + "\n```"


def _laid_out(value: Any, indent: str = "") -> str:
    """JSON with what is short in one line, and numbers of a few digits."""
    if isinstance(value, float):
        value = round(value, 4)
    line = json.dumps(json.loads(json.dumps(value), parse_float=lambda text: round(float(text), 4)), ensure_ascii=False)
    if len(indent + line) < _WIDTH or not value or not isinstance(value, dict | list):
        return line
    inner = f"{indent}  "
    if isinstance(value, dict):
        parts = [f"{inner}{json.dumps(name)}: {_laid_out(each, inner)}" for name, each in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _laid_out(each, inner) for each in value) + f"\n{indent}]"


@contextlib.contextmanager
def _only_defaults() -> Iterator[None]:
    """Without the settings of whoever builds the site."""
    given = {name: value for name, value in os.environ.items() if name.startswith("POSTINGS_")}
    for name in given:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(given)
