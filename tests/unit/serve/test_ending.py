from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from postings_serve.process.ending import ended_by_signals

_PROCESS = """
import os, signal, threading
from postings_serve.process.ending import ended_by_signals
threading.Thread(target=threading.Event().wait).start()  # Python would wait for it
with ended_by_signals() as ending:
    ending.drain = lambda: print("drain", flush=True)
    ending.kill += [lambda: print("broker", flush=True), lambda: 1 / 0]
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGNAL)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_drains(number: signal.Signals) -> None:
    calls: list[str] = []
    before = signal.getsignal(number)
    with ended_by_signals() as ending:
        ending.drain = lambda: calls.append("drain")
        assert not ending.asked
        os.kill(os.getpid(), number)
        assert ending.asked
    assert calls == ["drain"]
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_ends_the_process_whatever_its_threads_do(number: signal.Signals) -> None:
    program = _PROCESS.replace("SIGNAL", number.name)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (1, "drain\nbroker\n")
