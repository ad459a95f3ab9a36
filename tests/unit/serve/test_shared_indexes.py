"""A collection is open once while somebody uses it, and not at all else."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from postings import EdgeIndex, Settings
from postings.errors import IndexLocked
from postings.index.proxy import waiting
from postings_serve.mcp.shared_indexes import SharedIndexes


def test_users_who_come_and_go_never_meet_a_closed_or_a_locked_index(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with EdgeIndex(tmp_path) as index:
        index.ensure("0123abcd", "tiny")
    indexes = SharedIndexes(Settings(index_url=str(tmp_path)))

    def use(_: int) -> int:
        with indexes.use("documents") as index:
            return index.count()

    with caplog.at_level(logging.INFO, "postings"), ThreadPoolExecutor(8) as threads:
        assert list(threads.map(use, range(200))) == [0] * 200
    assert "waiting for another process" not in caplog.text
    with EdgeIndex(tmp_path) as index:
        assert index.count() == 0


def test_a_collection_that_could_not_be_opened_is_opened_by_the_next_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOCKED_SECONDS", 0)
    indexes = SharedIndexes(Settings(index_url=str(tmp_path)))
    with EdgeIndex(tmp_path) as holder:
        holder.ensure("0123abcd", "tiny")
        with pytest.raises(IndexLocked), indexes.use("documents"):
            pass
    with indexes.use("documents") as index:
        assert index.count() == 0


def test_an_error_of_a_user_closes_it_too(tmp_path: Path) -> None:
    indexes = SharedIndexes(Settings(index_url=str(tmp_path)))
    with EdgeIndex(tmp_path) as index:
        index.ensure("0123abcd", "tiny")
    with pytest.raises(ZeroDivisionError), indexes.use("documents"):
        _ = 1 / 0
    with EdgeIndex(tmp_path) as index:
        assert index.count() == 0
