"""Rows of a query and a positive, in JSON Lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ONE = {"query": "what hunts?", "positive": "a lion"}
TWO = {"query": "what sings?", "positive": "a nightingale"}


def jsonl(folder: Path, *rows: Any, name: str = "pairs.jsonl") -> str:
    path = folder / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)
