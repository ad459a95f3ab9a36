from __future__ import annotations

import os
import signal

import pytest

from postings_serve.process.ending import ended_by_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_drains_and_each_later_one_hurries(number: signal.Signals) -> None:
    calls: list[str] = []
    before = signal.getsignal(number)
    with ended_by_signals() as ending:
        ending.drain = lambda: calls.append("drain")
        ending.hurry += [lambda: calls.append("workers"), lambda: calls.append("server")]
        assert not ending.asked
        for _ in range(3):
            os.kill(os.getpid(), number)
        assert ending.asked
    assert calls == ["drain", *["workers", "server"] * 2]
    assert signal.getsignal(number) is before


def test_a_service_that_starts_is_left_at_the_second_signal() -> None:
    def start() -> None:
        with ended_by_signals() as ending:
            os.kill(os.getpid(), signal.SIGTERM)
            assert ending.asked
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        start()
