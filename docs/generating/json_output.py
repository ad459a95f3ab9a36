"""What commands print with ``--json``, by running them on three documents."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory

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


def page(argument: str = "") -> str:  # noqa: ARG001
    """Each command and what it prints, cut after some lines."""
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        with _only_defaults():
            Path("animals.jsonl").write_text("".join(json.dumps(each) + "\n" for each in _DOCUMENTS))
            return "\n\n".join(_example(command) for command in _COMMANDS)


def _example(command: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = run([*shlex.split(command), "--json"])
    if status:
        raise RuntimeError(f"postings {command} ended with {status}: {printed.getvalue()}")
    text = json.dumps(json.loads(printed.getvalue()), indent=1, ensure_ascii=False)
    # Lists of numbers in one line.
    lines = re.sub(r"\[\s+([-\d.,\s]+?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", text).splitlines()
    shown = lines if len(lines) <= _MOST else [*lines[:_MOST], " …"]
    return f"### postings {command} --json\n\n```json\n" + "\n".join(shown) + "\n```"


@contextlib.contextmanager
def _only_defaults():  # type: ignore[no-untyped-def]
    given = {name: value for name, value in os.environ.items() if name.startswith("POSTINGS_")}
    for name in given:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(given)
