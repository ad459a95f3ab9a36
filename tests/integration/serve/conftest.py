from __future__ import annotations

from collections.abc import Iterator

import pytest

from postings import Settings
from tests.integration.queue.conftest import faults, keys, ledger, settings, start_worker
from tests.support.service import Service

__all__ = ["faults", "keys", "ledger", "settings", "start_worker"]


@pytest.fixture
def service(settings: Settings, keys: object) -> Iterator[Service]:
    with Service(settings) as service:
        yield service
