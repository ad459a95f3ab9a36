"""A short form of ``python -m benchmarks.chaos``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.chaos import Chaos, Plan

from tests.support.redis_server import RedisServer


def test_nothing_is_lost_doubled_or_stale_while_everything_fails(own_redis: RedisServer, tmp_path: Path) -> None:
    outcome = Chaos(Plan(documents=2000, kills=2, redis_kills=1, outages=1), tmp_path).run()
    assert (outcome.lost, outcome.doubled, outcome.stale, outcome.risen) == ([], [], [], [])
    counts = outcome.counts
    assert (counts.submitted, counts.done, counts.failed) == (2000, 2000, 0)
