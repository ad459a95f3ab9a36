"""Judgements are kept as they came, by any number of processes, for each tenant alone."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Settings
from postings.errors import ConfigurationError, IndexUnavailable, InvalidInput, StorageFull
from postings_query.judgements import Changed, Judgement, Judgements, database
from tests.support.forkserver import forked
from tests.support.small_disks import mounted
from tests.support.strategies import ids, said
from tests.support.worker import until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "judgements.db"


def judged(query: str, id: str, grade: int | None, by: str = "ann") -> Judgement:
    return Judgement(query, id, grade, by)


strange = st.sampled_from(
    ["tab\there", "new\nline", "\r", "\0", '"', "'; DROP TABLE judgements", "\u2028", "é", "%", "_"]
)
judgements = st.lists(
    st.tuples(said | strange.map("q".__add__), ids | strange, st.none() | st.integers(0, 3)), max_size=20
)


@given(given=judgements)
def test_what_was_judged_last_is_what_is_kept(given: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    kept = Judgements(tmp_path_factory.mktemp("judged") / "judgements.db", "animals")
    expected: dict[str, dict[str, int]] = {}
    saved = removed = 0
    for query, id, grade in given:
        graded = expected.setdefault(query, {})
        if grade is None:
            removed += graded.pop(id, None) is not None
        else:
            saved += 1
            graded[id] = grade
    assert kept.save(judged(*each) for each in given) == Changed(saved, removed)
    assert kept.grades() == {query: graded for query, graded in expected.items() if graded}
    for query, graded in expected.items():
        assert {each.id: each.grade for each in kept.page(100, query=query)[0]} == graded


@given(numbers=st.lists(st.integers(0, 30), max_size=60), size=st.integers(1, 7))
def test_pages_hold_each_judgement_once(
    numbers: list[int], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("judged") / "judgements.db"
    kept = Judgements(path, "animals")
    for number in numbers:
        Judgements(path, "others").save([judged("q", str(number), 1)])
        kept.save([judged("q", str(number), number % 4)])
    found, after = kept.page(size)
    while after is not None:
        more, after = kept.page(size, after)
        assert 0 < len(more) <= size
        found += more
    assert [each.id for each in found] == [str(number) for number in dict.fromkeys(numbers)]


def test_what_is_judged_again_while_pages_are_read_is_not_missed(path: Path) -> None:
    kept = Judgements(path, "animals")
    kept.save(judged("q", id, 1) for id in ("a", "b", "c"))
    first, after = kept.page(2)
    kept.save([judged("q", "c", None), judged("q", "b", None), judged("q", "b", 2)])
    assert [each.id for each in first] == ["a", "b"]
    assert [(each.id, each.grade) for each in kept.page(2, after)[0]] == [("b", 2)]


def test_it_says_who_judged_last_and_when(path: Path) -> None:
    kept = Judgements(path, "animals")
    kept.save([Judgement("prey", "cheetah", 1, "ann", 1000)])
    kept.save([Judgement("prey", "cheetah", 2, "bob", 999)])
    assert list(kept) == [Judgement("prey", "cheetah", 2, "bob", 999)], "clocks differ; the order of arrival counts"


def test_tenants_and_collections_see_their_own_alone(path: Path) -> None:
    owners = [(None, "animals"), ("acme", "animals"), ("globex", "animals"), ("acme", "plants")]
    parts = [Judgements(path, collection, tenant) for tenant, collection in owners]
    for number, part in enumerate(parts):
        part.save([judged("prey", "1", number)])
    assert [part.grades() for part in parts] == [{"prey": {"1": number}} for number in range(4)]
    assert parts[1].save([judged("prey", "1", None)]).removed == 1
    assert [len(part.grades()) for part in parts] == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("query", "id", "grade"),
    [
        ("\ud800", "1", 1),
        ("prey", "\udfff", 1),
        ("", "1", 1),
        ("  ", "1", 1),
        ("prey", "", 1),
        ("prey", "x" * 513, 1),
        ("prey", "1", 4),
        ("prey", "1", -1),
        ("prey", "1", True),
        ("prey", "1", 1.0),
        ("prey", "1", "1"),
    ],
)
def test_what_is_no_judgement_is_refused(query: str, id: str, grade: Any) -> None:
    with pytest.raises(InvalidInput):
        Judgement(query, id, grade, "ann")


@pytest.mark.parametrize("after", ["", "-1", "x", "1" * 20, str(2**63), "١"])
def test_a_page_after_nothing_that_was_named_is_refused(path: Path, after: str) -> None:
    with pytest.raises(InvalidInput, match="expected the 'next' of the page before"):
        Judgements(path, "animals").page(1, after)


def test_only_the_owner_can_read_the_file_and_its_journal(path: Path) -> None:
    before = os.umask(0)
    try:
        kept = Judgements(path, "animals")
        seen: set[tuple[str, int]] = set()

        def look() -> Iterator[Judgement]:
            for number in range(5000):
                yield judged(f"q{number}", "1", 1)
            seen.update((each.name, stat.S_IMODE(each.stat().st_mode)) for each in path.parent.iterdir())

        kept.save(look())
    finally:
        os.umask(before)
    assert seen == {("judgements.db", 0o600), ("judgements.db-journal", 0o600)}
    assert [each.name for each in path.parent.iterdir()] == ["judgements.db"]


def test_reading_creates_nothing(path: Path) -> None:
    assert Judgements(path, "animals").grades() == {}
    assert not path.exists()


def _save(path: Path, name: str) -> None:
    for number in range(50):
        Judgements(path, "animals").save([judged(f"{name} {number}", "1", 1), judged("shared", str(number), 1, name)])


def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    names = ("one", "two", "three")
    processes = [forked(_save, path, name) for name in names]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    expected = {f"{name} {number}": {"1": 1} for name in names for number in range(50)}
    expected["shared"] = {str(number): 1 for number in range(50)}
    assert Judgements(path, "animals").grades() == expected


def _begin(path: Path, reached: Path) -> None:
    def endless() -> Iterator[Judgement]:
        for number in range(20_000):  # more than SQLite holds back in memory
            yield judged(f"new {number}", "1", 2)
        yield judged("old", "1", 2)
        reached.touch()
        signal.pause()

    Judgements(path, "animals").save(endless())


def test_a_process_that_is_killed_while_it_writes_leaves_what_was_there(path: Path, tmp_path: Path) -> None:
    kept = Judgements(path, "animals")
    kept.save([judged("old", "1", 1)])
    before = path.stat().st_size
    process = forked(_begin, path, tmp_path / "reached")
    until((tmp_path / "reached").exists, "the process doesn't write")
    assert path.stat().st_size > before, "it has written to the file"
    process.kill()
    process.join()
    assert kept.grades() == {"old": {"1": 1}}
    assert kept.save([judged("new", "1", 1)]).saved == 1
    assert kept.grades() == {"old": {"1": 1}, "new": {"1": 1}}


def test_an_error_on_the_way_leaves_what_was_there(path: Path) -> None:
    kept = Judgements(path, "animals")

    def failing() -> Iterator[Judgement]:
        yield judged("prey", "1", 1)
        raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        kept.save(failing())
    assert kept.grades() == {}
    assert kept.save([judged("prey", "2", 1)]).saved == 1


def test_a_writer_that_holds_the_file_for_too_long_can_be_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_SECONDS", 0.05)
    kept = Judgements(path, "animals")
    kept.save([judged("prey", "1", 1)])
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        for refused in (lambda: kept.save([judged("prey", "2", 1)]), kept.grades):
            with pytest.raises(IndexUnavailable, match="another process has been writing it") as caught:
                refused()
            assert caught.value.retry
        other.execute("ROLLBACK")
    other.close()
    assert kept.grades() == {"prey": {"1": 1}}


def test_a_full_disk_is_said_and_costs_nothing(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", 1) as disk:
        kept = Judgements(disk / "judgements.db", "animals")
        kept.save([judged("prey", "1", 1)])
        with pytest.raises(StorageFull, match="the disk is full"):
            kept.save(judged(f"{number} {'long' * 1000}", "1", 1) for number in range(1000))
        assert kept.grades() == {"prey": {"1": 1}}
        assert kept.save([judged("prey", "2", 1)]).saved == 1


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 200])
def test_a_file_that_is_something_else_is_named_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    kept = Judgements(path, "animals")
    for used in (kept.grades, lambda: kept.save([judged("prey", "1", 1)])):
        with pytest.raises(ConfigurationError, match=r"judgements\.db can't be used for judgements"):
            used()
    assert path.read_bytes() == content


def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 2")
    other.close()
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="newer version of Postings"):
        Judgements(path, "animals").save([judged("prey", "1", 1)])
    assert path.read_bytes() == before


def test_a_file_that_nothing_was_written_to_yet_has_no_judgements(path: Path) -> None:
    """Its process was killed after it created the file."""
    path.touch()
    assert Judgements(path, "animals").grades() == {}


def test_judgements_are_in_the_index_folder_or_where_the_settings_say(tmp_path: Path) -> None:
    folder = Settings(index_url=str(tmp_path / "index"), collection="animals")
    Judgements.of_settings(folder).save([judged("prey", "1", 1)])
    assert [each.name for each in (tmp_path / "index").iterdir()] == [".judgements.db"]
    elsewhere = Settings(index_url="http://localhost:6333", judgements=tmp_path / "judged.db")
    Judgements.of_settings(elsewhere).save([judged("prey", "1", 1)])
    assert (tmp_path / "judged.db").exists()
    with pytest.raises(ConfigurationError, match="POSTINGS_JUDGEMENTS"):
        Judgements.of_settings(Settings(index_url="http://localhost:6333"))


def test_where_tenants_share_a_collection_one_must_be_named(tmp_path: Path) -> None:
    shared = Settings(index_url=str(tmp_path), tenant_field="customer")
    with pytest.raises(ConfigurationError, match="POSTINGS_TENANT"):
        Judgements.of_settings(shared)
    Judgements.of_settings(shared.model_copy(update={"tenant": "acme"})).save([judged("prey", "1", 1)])
    assert Judgements.of_settings(shared.model_copy(update={"tenant": "globex"})).grades() == {}
