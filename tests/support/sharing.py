"""Processes that share an index folder: the one that has it open, and those that write through it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from postings import Settings, open_index
from postings.index.proxy import IndexServer, OpenIndexes, Owner
from postings.index.proxy.record import RECORD
from tests.support.forkserver import forked
from tests.support.indexes import MODEL, point


def serve(folder: Path) -> None:
    """Have a folder open for other processes until this one is killed."""
    with OpenIndexes(folder) as indexes, IndexServer(indexes):
        threading.Event().wait()


@contextmanager
def serving(folder: Path) -> Iterator[BaseProcess]:
    """A process that has a folder open; killed at the end."""
    process = forked(serve, folder)
    try:
        until_served(folder, process)
        yield process
    finally:
        process.kill()
        process.join()


def until_served(folder: Path, process: BaseProcess) -> None:
    """Wait until a process answers."""
    while (owner := Owner.of(folder)) is None:
        assert process.is_alive()
        time.sleep(0.01)
    owner.close()


def settings_of(folder: Path, collection: str = "documents") -> Settings:
    return Settings(index_url=str(folder), collection=collection)


def write_versions(folder: Path, first: int, step: int, number: int, ids: int) -> None:
    """Write all documents in every ``step``-th version, each if it isn't older than what is stored."""
    with open_index(settings_of(folder)) as index:
        for version in range(first, number, step):
            index.upsert([point(str(id), version=version) for id in range(ids)], keep_newer=True)


def write_for_ever(folder: Path) -> None:
    with open_index(settings_of(folder)) as index:
        index.ensure(MODEL, "tiny")
        version = 0
        while True:
            version += 1
            index.upsert([point(str(id), version=version) for id in range(200)])


def socket_of(folder: Path) -> Path:
    """Where the process that serves a folder listens."""
    return Path(json.loads((folder / RECORD).read_bytes())["socket"])
