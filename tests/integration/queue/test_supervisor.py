"""The process that keeps a worker alive, with small programs in the worker's place."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.support.forkserver import forked
from tests.support.worker import run_supervisor, until

Supervise = Callable[[str], BaseProcess]


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """Where the programs write down what happens to them."""
    path = tmp_path / "diary"
    path.touch()
    return path


@pytest.fixture
def supervise(diary: Path) -> Iterator[Supervise]:
    started: list[BaseProcess] = []

    def start(program: str) -> BaseProcess:
        told = f"import os, signal, sys, time\ndiary = open({str(diary)!r}, 'a', buffering=1)\n"
        started.append(forked(run_supervisor, [sys.executable, "-c", told + program]))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.join()


def send(process: BaseProcess, number: signal.Signals) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)


def end_of(process: BaseProcess) -> int | None:
    process.join(30)
    return process.exitcode


@pytest.mark.parametrize("end", [f"sys.exit({os.EX_TEMPFAIL})", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_worker_that_was_killed_or_whose_model_broke_is_started_again(
    supervise: Supervise, diary: Path, end: str
) -> None:
    program = f"diary.write('began\\n')\nif open(diary.name).read().count('began') < 2: {end}\nsys.exit(0)"
    assert end_of(supervise(program)) == 0
    assert diary.read_text() == "began\n" * 2


@pytest.mark.parametrize("status", [0, 1, 3])
def test_a_worker_that_ends_by_itself_or_cannot_start_is_not(supervise: Supervise, diary: Path, status: int) -> None:
    assert end_of(supervise(f"diary.write('began\\n'); sys.exit({status})")) == status
    assert diary.read_text() == "began\n"


FINISHING = """
def finish(*_):
    diary.write("asked\\n")
signal.signal(signal.SIGTERM, finish)
diary.write("began\\n")
while not os.path.exists(diary.name + ".go"):
    time.sleep(0.02)
diary.write("finished\\n")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_worker_finishes_its_batch_in_flight(supervise: Supervise, diary: Path, number: signal.Signals) -> None:
    process = supervise(FINISHING)
    until(lambda: "began" in diary.read_text(), "it hasn't begun")
    send(process, number)
    until(lambda: "asked" in diary.read_text(), "it wasn't asked")
    Path(f"{diary}.go").touch()
    assert end_of(process) == 0
    assert diary.read_text() == "began\nasked\nfinished\n"


def test_a_second_signal_ends_it_at_once(supervise: Supervise, diary: Path) -> None:
    process = supervise(FINISHING)
    until(lambda: "began" in diary.read_text(), "it hasn't begun")
    send(process, signal.SIGTERM)
    until(lambda: "asked" in diary.read_text(), "it wasn't asked")
    send(process, signal.SIGTERM)
    assert end_of(process) == 0
    assert diary.read_text() == "began\nasked\n"
