"""The user's cache: files that take long to make, such as exported graphs and the names of latents."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """The folder ``$XDG_CACHE_HOME/postings``, or ``~/.cache/postings``."""
    if parent := os.environ.get("XDG_CACHE_HOME"):
        return Path(parent) / "postings"
    try:
        return Path.home() / ".cache" / "postings"
    except RuntimeError:
        # The user has no home, as in some containers. Nothing can be written below this path, so nothing is cached.
        return Path(os.devnull) / "postings"


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file completely or not at all, even if several processes write it at once.

    Raises:
        OSError: the file can't be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{uuid.uuid4().hex}")
    partial.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    partial.replace(file)
