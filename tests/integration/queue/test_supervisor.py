"""The process that keeps a worker alive, with small programs in the worker's place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.worker import ROOT, until

SUPERVISE = "import os, sys; from postings_ingest.worker.supervisor import supervise; "
SUPERVISE += "sys.exit(supervise([sys.executable, '-c', sys.argv[1]], os.environ))"

Supervise = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """Where the programs write down what happens to them."""
    path = tmp_path / "diary"
    path.touch()
    return path


@pytest.fixture
def supervise(diary: Path) -> Iterator[Supervise]:
    started: list[subprocess.Popen[bytes]] = []

    def start(program: str) -> subprocess.Popen[bytes]:
        told = f"import os, signal, sys, time\ndiary = open({str(diary)!r}, 'a', buffering=1)\n"
        started.append(subprocess.Popen([sys.executable, "-c", SUPERVISE, told + program], cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("end", [f"sys.exit({os.EX_TEMPFAIL})", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_worker_that_was_killed_or_whose_model_broke_is_started_again(
    supervise: Supervise, diary: Path, end: str
) -> None:
    program = f"diary.write('began\\n')\nif open(diary.name).read().count('began') < 2: {end}\nsys.exit(0)"
    assert supervise(program).wait(30) == 0
    assert diary.read_text() == "began\n" * 2


@pytest.mark.parametrize("status", [0, 1, 3])
def test_a_worker_that_ends_by_itself_or_cannot_start_is_not(supervise: Supervise, diary: Path, status: int) -> None:
    assert supervise(f"diary.write('began\\n'); sys.exit({status})").wait(30) == status
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
    process.send_signal(number)
    until(lambda: "asked" in diary.read_text(), "it wasn't asked")
    Path(f"{diary}.go").touch()
    assert process.wait(30) == 0
    assert diary.read_text() == "began\nasked\nfinished\n"


def test_a_second_signal_ends_it_at_once(supervise: Supervise, diary: Path) -> None:
    process = supervise(FINISHING)
    until(lambda: "began" in diary.read_text(), "it hasn't begun")
    process.send_signal(signal.SIGTERM)
    until(lambda: "asked" in diary.read_text(), "it wasn't asked")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert diary.read_text() == "began\nasked\n"
