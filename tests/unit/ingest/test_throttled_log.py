from __future__ import annotations

import logging

import pytest

from postings_ingest.throttled_log import ThrottledLog

log = logging.getLogger("tests.throttled_log")


def test_sixty_equal_warnings_are_one_line_and_another_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    throttled = ThrottledLog(log)
    for _ in range(60):
        throttled.warn("redis", "can't be reached: %s", "refused")
    throttled.recovered("redis", "%s answers again", "Redis")
    throttled.recovered("redis", "it is said once")
    first, last = [entry.getMessage() for entry in caplog.records]
    assert first == "can't be reached: refused"
    assert last.startswith("Redis answers again, after ")


def test_a_trouble_that_comes_back_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    throttled = ThrottledLog(log)
    for _ in range(2):
        throttled.warn("redis", "away")
        throttled.recovered("redis", "back")
    assert [entry.getMessage().partition(",")[0] for entry in caplog.records] == ["away", "back", "away", "back"]


def test_each_trouble_is_told_by_itself_and_one_end_is_enough_for_all(caplog: pytest.LogCaptureFixture) -> None:
    throttled = ThrottledLog(log)
    throttled.warn("redis", "Redis is away")
    throttled.warn("index", "the index is away")
    throttled.all_recovered("working again")
    throttled.all_recovered("nothing was wrong")
    said = [entry.getMessage() for entry in caplog.records]
    assert said[:2] == ["Redis is away", "the index is away"]
    assert said[2].startswith("working again, after ")
    assert len(said) == 3


def test_what_lasts_is_said_again_with_its_number_at_growing_intervals(caplog: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    throttled = ThrottledLog(log, clock=lambda: now)
    for _ in range(100):
        throttled.warn("redis", "away")
        now += 1
    said = [entry.getMessage() for entry in caplog.records]
    assert said == ["away", "away (11 times in 10 s)", "away (31 times in 30 s)", "away (71 times in 70 s)"]
