from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.support.cli import Ran, ran

Evaluate = Callable[..., Ran]


@pytest.fixture
def evaluate(capsys: pytest.CaptureFixture[str]) -> Evaluate:
    """The command without an index: it measures a model."""
    return partial(ran, capsys, "evaluate")
