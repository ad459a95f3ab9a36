"""`postings serve` in a process of its own, as users run it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.support.cli import Command
from tests.support.queue_commands import children
from tests.support.worker import environment_of, until


@dataclass(frozen=True)
class Started:
    """The processes that a service on a folder starts."""

    broker: psutil.Process
    workers: list[psutil.Process]


_ADDRESS = re.compile(r"^(http://\S+)  \(.*?(?:, broker (redis://\S+))?\); Ctrl-C ends$", re.MULTILINE)


class ServeCommand:
    """A service that answers.

    Args:
        folder: where its output is put.
        options: of the command.
        environment: its settings.

    Attributes:
        url: its address.
        broker: its own broker's address without the password, if it has one.
    """

    def __init__(self, folder: Path, *options: str, environment: Mapping[str, str]) -> None:
        self.command = Command(folder, "serve", "--port", "0", *options, env=environment)
        until(lambda: self._address() is not None or self.ended, "the service doesn't start")
        found = self._address()
        assert found is not None, self.command.err
        self.url, self.broker = found[1], found[2]
        self.http = httpx.Client(base_url=self.url, timeout=60)

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return not psutil.pid_exists(self.command.pid) or self.process.status() == psutil.STATUS_ZOMBIE

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.command.pid)

    def children(self) -> Started:
        """Its broker and its workers."""
        found = children(self.command)
        workers = [each for each in found if "celery" in each.cmdline()]
        (broker,) = (each for each in found if "valkey" in each.name())
        return Started(broker, workers)

    def close(self) -> None:
        """Kill it, and what it has started."""
        self.http.close()
        left = children(self.command)
        self.command.kill()
        for child in left:
            child.kill()

    def _address(self) -> re.Match[str] | None:
        return _ADDRESS.search(self.command.err)


Serve = Callable[..., ServeCommand]
"""The fixture ``serve``: starts a service with options and settings of its own; all are killed at the end."""


def settled_environment(**settings: str) -> dict[str, str]:
    """The environment of a process with these settings of ours, and no others."""
    from postings import Settings

    others = {name: text for name, text in environment_of(Settings()).items() if not name.startswith("POSTINGS_")}
    return others | {f"POSTINGS_{name.upper()}": text for name, text in settings.items()}


@contextmanager
def serves(folder: Path) -> Iterator[Serve]:
    """Starts services whose files are in a folder; kills them at the end."""
    started: list[ServeCommand] = []

    def serve(*options: str, environment: Mapping[str, str] | None = None, **settings: str) -> ServeCommand:
        given = {"index_url": str(folder / "index"), "visibility_timeout": "2", **settings}
        whole = settled_environment(**given) | (environment or {})
        started.append(ServeCommand(folder, *options, environment=whole))
        return started[-1]

    try:
        yield serve
    finally:
        for each in started:
            each.close()


def finished(service: ServeCommand, job: str, collection: str | None = None) -> dict[str, int]:
    """Wait until a job is finished; returns its counts."""
    parameters = {} if collection is None else {"collection": collection}
    counts: dict[str, int] = {}

    def done() -> bool:
        answer = service.http.get(f"/v1/jobs/{job}", params=parameters)
        assert answer.status_code == 200, answer.text
        counts.update(answer.json())
        return bool(counts["finished"])

    until(done, f"job {job} isn't finished: {counts}")
    return counts
