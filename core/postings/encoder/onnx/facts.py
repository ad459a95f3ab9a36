"""What an export notes of a model beside its graphs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FORMAT = 2
"""Of graphs and facts: raise it when either changes."""

TRANSFORMERS = {"float32": "transformer", "int8": "transformer-int8"}
"""The graph of the transformer for each precision."""


def facts_file(graphs: Path, precision: str) -> Path:
    """The file that says how to run the graphs beside it, and of which model they are."""
    return graphs / f"{TRANSFORMERS[precision]}.json"


def read_facts(graphs: Path, precision: str) -> dict[str, Any] | None:
    """What the export noted of a model, ``None`` if the folder holds no complete graphs of this precision."""
    if precision not in TRANSFORMERS:
        return None
    try:
        facts: dict[str, Any] = json.loads(facts_file(graphs, precision).read_bytes())
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and facts.get("format") == FORMAT else None
