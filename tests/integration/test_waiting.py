"""Waiting for a process that has a collection open."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest

from postings import EdgeIndex, open_index
from postings.collections import Collections
from postings.errors import (
    IndexLocked,
)
from postings.index.proxy import IndexServer, OpenIndexes, ProxyIndex, waiting
from tests.support.indexes import MODEL, point
from tests.support.sharing import settings_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def test_a_command_waits_for_another_that_has_the_collection_open(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(waiting, "LOCKED_SECONDS", 120)
    counted: list[int] = []

    def count() -> None:
        with open_index(settings_of(folder)) as index:
            counted.append(index.count())

    with caplog.at_level(logging.INFO, "postings"), EdgeIndex(folder) as first:
        first.ensure(MODEL, "tiny")
        thread = threading.Thread(target=count)
        thread.start()
        while not caplog.records:
            assert thread.is_alive()
            time.sleep(0.005)
        first.upsert([point("1")])
    thread.join()
    assert counted == [1]
    assert "waiting for another process" in caplog.text


def test_a_command_that_waits_goes_through_an_owner_that_appears(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(waiting, "LOCKED_SECONDS", 120)
    opened: list[type] = []

    def look() -> None:
        with open_index(settings_of(folder)) as index:
            opened.append(type(index))

    with OpenIndexes(folder) as indexes, caplog.at_level(logging.INFO, "postings"):
        indexes.get("documents").ensure(MODEL, "tiny")
        thread = threading.Thread(target=look)
        thread.start()
        while not caplog.records:
            assert thread.is_alive()
            time.sleep(0.005)
        with IndexServer(indexes):
            thread.join()
    assert opened == [ProxyIndex]


def test_a_command_gives_up_and_says_how_long_it_waited(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOCKED_SECONDS", 0.1)
    with EdgeIndex(folder) as first:
        first.ensure(MODEL, "tiny")
        with pytest.raises(IndexLocked, match=r"another process has the index open.*; waited 0.1 s"):
            open_index(settings_of(folder))
        with pytest.raises(IndexLocked, match=r"waited 0.1 s"):
            Collections(settings_of(folder)).drop("documents")
