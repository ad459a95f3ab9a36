"""A short form of ``python -m benchmarks.chaos``."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.chaos import Chaos
from benchmarks.chaos_replay import Plan

from tests.support.indexes import SERVER_URL
from tests.support.redis_server import RedisServer


@pytest.mark.parametrize("workers", [1, 3], ids=["one worker", "three workers over REST"])
def test_nothing_is_lost_duplicated_or_stale_while_everything_fails(
    own_redis: RedisServer, tmp_path: Path, workers: int
) -> None:
    plan = Plan(documents=500, kills=2, redis_kills=1, outages=1, workers=workers)
    outcome = Chaos(replace(plan, index_url=os.environ.get(SERVER_URL)), tmp_path, "forkserver").run()
    assert (outcome.lost, outcome.duplicated, outcome.stale, outcome.risen) == ([], [], [], [])
    counts = outcome.counts
    assert (counts.submitted, counts.done, counts.failed) == (500, 500, 0)
