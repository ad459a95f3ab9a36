from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postings import Index
from tests.support.indexes import ENGINES, MODEL, PROXY, engine


@pytest.fixture(params=[*ENGINES, PROXY])
def empty_index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    with engine(request.param, tmp_path) as index:
        yield index


@pytest.fixture
def index(empty_index: Index) -> Index:
    empty_index.ensure(MODEL, "test model")
    return empty_index
