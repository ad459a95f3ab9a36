"""Rows of a query and a positive, in JSON Lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.jsonl import write_jsonl

ONE = {"query": "what hunts?", "positive": "a lion"}
TWO = {"query": "what sings?", "positive": "a nightingale"}


def jsonl(folder: Path, *rows: Any, name: str = "pairs.jsonl") -> str:
    return str(write_jsonl(folder / name, rows))
