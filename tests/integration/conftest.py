from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postings import Index
from tests.support.indexes import ENGINES, engine


@pytest.fixture(params=ENGINES)
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    with engine(request.param, tmp_path) as opened:
        yield opened
