from __future__ import annotations

import pytest

from postings import Encoder


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder.load("tiny", "cpu")
