"""The processes of :mod:`benchmarks.serve`: the service, its peers, and their clients."""

from __future__ import annotations

import json
import math
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.data import ROOT

_START, _END = 120.0, 60.0
_QUIET, _LOOK_SECONDS = 0.1, 5.0


@dataclass(frozen=True, slots=True)
class System:
    """A server that answers searches.

    Attributes:
        name: for the table.
        port: on this machine.
        process: that answers; its children are a broker and a worker.
        redis: the address of the service's broker.
    """

    name: str
    port: int
    process: psutil.Process
    redis: str = ""

    def memory(self) -> float:
        """MB of the process that answers, without its children; of what it shares, its share."""
        return float(self.process.memory_full_info().pss) / 1e6

    def processor_seconds(self) -> float:
        """That the process that answers has used."""
        return float(sum(self.process.cpu_times()[:2]))

    @contextmanager
    def without_worker(self) -> Iterator[None]:
        """Stop the process that indexes documents, and let it go on after the block."""
        workers = [each for each in self.process.children(recursive=True) if "celery" in each.cmdline()]
        for each in workers:
            each.suspend()
        try:
            yield
        finally:
            for each in workers:
                each.resume()

    def load(self, folder: Path, options: Mapping[str, Any], *more: str) -> dict[str, Any]:
        """Let clients search, see :mod:`benchmarks.serve_load`; returns what they found."""
        command = [sys.executable, "-m", "benchmarks.serve_load", str(self.port), str(folder / "queries.txt")]
        command += ["--options", json.dumps(options), *more]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@contextmanager
def service(folder: Path) -> Iterator[System]:
    """``postings serve`` on the index folder."""
    # Of an earlier run in this folder: its job would be worked on.
    shutil.rmtree(folder / "index" / ".broker", ignore_errors=True)
    port, broker = _free_port(), f"redis://127.0.0.1:{_free_port()}"
    command = [str(Path(sys.executable).with_name("postings")), "serve", "--port", str(port)]
    own = {"POSTINGS_INDEX_URL": str(folder / "index"), "POSTINGS_REDIS_URL": broker}
    with _started(command, own, folder / "serve.log") as process:
        yield System("postings serve", port, process, broker)


@contextmanager
def peer(folder: Path, engine: str) -> Iterator[System]:
    """A peer, see :mod:`benchmarks.serve_peer`."""
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.serve_peer", str(port), engine, str(folder)]
    with _started(command, {}, folder / f"{engine}.log") as process:
        yield System(engine, port, process)


def wait_until_quiet(process: psutil.Process) -> None:
    """Wait until a process and its children, one of which loads the model, use less than a tenth of a core."""
    before = math.inf
    while (used := _used_by_all(process)) - before > _QUIET * _LOOK_SECONDS or math.isinf(before):
        before = used
        time.sleep(_LOOK_SECONDS)


def _used_by_all(process: psutil.Process) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in [process, *process.children(recursive=True)])


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process, which is ended."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("POSTINGS_")}
    process = subprocess.Popen(command, cwd=ROOT, env={**own, **environment}, text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def allow_connections(number: int) -> None:
    """Let the processes that are started from here have so many open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * number, most), most))


@contextmanager
def _started(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[psutil.Process]:
    port = next(each for each in command if each.isdecimal())
    with log.open("w") as lines, running(command, environment, stderr=lines) as process:
        ends = time.monotonic() + _START
        while not _answers(int(port)):
            if process.poll() is not None or time.monotonic() > ends:
                sys.exit(f"{' '.join(command)} didn't start:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield psutil.Process(process.pid)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
