"""What an export notes of a model beside its graphs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FACTS = "model.json"
"""The file that says how to run the graphs beside it, and of which model they are."""


def read_facts(graphs: Path) -> dict[str, Any] | None:
    """What the export noted of a model, ``None`` if the folder holds no complete graphs."""
    try:
        facts: dict[str, Any] = json.loads((graphs / FACTS).read_bytes())
    except (OSError, ValueError):
        return None
    return facts
