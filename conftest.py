"""Fixtures for the tests and for the examples in docstrings."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, chdir
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from tests.support.examples import examples
from tests.support.sentences import SENTENCES

from postings import Document, EdgeIndex, Encoder, Settings, open_index

# Two are what a worker's process runs, and change it when they are imported; `make adapters` runs the last.
collect_ignore = ["ingest/postings_ingest/app.py", "tests/support/faulty_app.py", "tests/adapters"]

# Most tests create an index, which waits for the disk a hundred times; in memory, that takes a tenth of the time.
MEMORY, SPACE = Path("/dev/shm"), 4 * 2**30  # noqa: S108
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > SPACE:
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # it was read before

# A run in the background ignores Ctrl-C, and so would the processes that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests start hundreds of processes: without bytecode, each of them would compile all modules.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# As the encoder sets it before it imports torch, which some tests import first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# CI must give the same answer twice; elsewhere each run looks for new cases.
hypothesis_settings.register_profile("ci", derandomize=True, deadline=None, max_examples=examples(100))
hypothesis_settings.register_profile("default", deadline=None, max_examples=examples(100))
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session", autouse=True)
def cache_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads what another run left in the user's cache folders."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "IR_DATASETS_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp("cache")))
        yield


# What these log would be read by a later test.
BACKGROUND = {"postings-producer", "postings-heartbeat", "postings-intake", "postings-model"}


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """A test closes what works in the background."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name in BACKGROUND:
            thread.join(60)
            if thread.is_alive():
                pytest.fail(f"{thread.name} still runs: close what started it")


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The bundled model, loaded once."""
    return Encoder.load("tiny", "cpu")


@pytest.fixture(autouse=True)
def docstring_names(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give the examples in docstrings a folder, an encoder and an index of nine sentences."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    from qdrant_client import AsyncQdrantClient

    from postings.index.server import AsyncServerIndex, ServerIndex
    from postings_ingest import Pipeline
    from postings_query import SearchClient

    folder: Path = request.getfixturevalue("tmp_path")
    encoder: Encoder = request.getfixturevalue("encoder")
    (folder / "notes.jsonl").write_text('{"id": "first", "text": "one"}\n{"id": "second", "text": "two"}\n')
    names: dict[str, Any] = {
        "asyncio": asyncio,
        "encoder": encoder,
        "folder": folder / "index",
        "open_index": open_index,
        "settings": Settings(index_url=str(folder / "index")),
        **{
            cls.__name__: cls
            for cls in (
                AsyncQdrantClient,
                AsyncServerIndex,
                Document,
                Encoder,
                Pipeline,
                SearchClient,
                ServerIndex,
                Settings,
            )
        },
    }
    examples = request.node.dtest.examples  # type: ignore[union-attr]
    with ExitStack() as stack:
        stack.enter_context(chdir(folder))
        if any(re.search(r"\bindex\b", each.source) for each in examples):  # most need none, and it takes 0.1 s
            names["index"] = stack.enter_context(EdgeIndex(folder / "sentences"))
            Pipeline(encoder, names["index"]).run(Document(str(n), text) for n, text in enumerate(SENTENCES, 1))
        request.node.dtest.globs.update(names)  # type: ignore[union-attr]
        yield
