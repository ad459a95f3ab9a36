"""Fixtures that several modules of unit tests use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property."""
    return tmp_path_factory.mktemp("files")


@pytest.fixture
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are paths as they are named: here from an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_thread_is_left() -> Iterator[None]:
    """Fails a test whose intake goes on in the background."""
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name == "postings-intake"] == []
