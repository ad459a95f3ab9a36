"""What is remembered of the documents of a run."""

from __future__ import annotations

import resource
import sqlite3
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document
from postings.errors import StorageFull
from postings_ingest.journal import Duplicate, Entry, Journal, Superseded

IDS = ["a", "a\0b", "é", "a\0", "'", "A"]


def document(id: str, place: str) -> Document:
    return Document(id, "text").read_at(place)


def test_an_id_that_comes_again_is_told_with_both_places() -> None:
    with Journal() as journal:
        documents = [document("a", "x:1"), document("b", "x:2"), document("a", "y:1"), document("a", "y:2")]
        assert list(journal.find_duplicates(documents)) == documents
        assert list(journal.duplicated()) == [Duplicate("a", "x:1", "y:1"), Duplicate("a", "x:1", "y:2")]
        assert (journal.report.documents, journal.report.duplicates) == (4, 2)


def test_a_place_whose_name_is_not_utf8_is_escaped() -> None:
    with Journal() as journal:
        journal.note([(document("a", f"caf\udce9.jsonl:{line}"), Entry(1, 1, 1, 1)) for line in (1, 2)])
        assert list(journal.duplicated()) == [Duplicate("a", r"caf\udce9.jsonl:1", r"caf\udce9.jsonl:2")]


def test_of_an_id_that_comes_again_the_newest_version_counts_and_among_equals_the_last() -> None:
    with Journal() as journal:
        journal.note([(document("a", "1"), Entry(5, stored=5, passages=3, dims=30))])
        journal.note([(document("a", "2"), Entry(4, stored=5, passages=7, dims=70))])
        assert (
            journal.report.indexed,
            journal.report.superseded,
            journal.report.passages,
            journal.report.duplicates,
        ) == (1, 0, 3, 1)
        journal.note([(document("a", "3"), Entry(5, stored=5, passages=2, dims=0))])
        assert (journal.report.indexed, journal.report.passages, journal.report.without_dims) == (1, 2, 1)
        assert list(journal.never_found()) == ["a"]


def test_a_document_that_somebody_else_overtakes_is_superseded_in_the_end() -> None:
    with Journal() as journal:
        journal.note([(document("a", "1"), Entry(5, stored=5, passages=3, dims=30))])
        journal.note([(document("a", "2"), Entry(4, stored=9, passages=7, dims=70))])
        assert (journal.report.indexed, journal.report.superseded, journal.report.passages) == (0, 1, 0)
        assert list(journal.superseded_documents()) == [Superseded("a", version=5, stored=9)]


@given(
    st.dictionaries(st.sampled_from(IDS[:3]), st.integers(0, 3)),
    st.lists(st.tuples(st.sampled_from(IDS), st.integers(0, 3), st.integers(0, 2)), max_size=20),
    st.data(),
)
def test_counts_are_those_of_an_index_that_takes_what_is_not_older(
    stored: dict[str, int], came: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    index: dict[str, tuple[int, int]] = {id: (version, 0) for id, version in stored.items()}
    newest: dict[str, int] = {}
    with Journal() as journal:
        rest = came
        while rest:
            size = data.draw(st.integers(1, len(rest)))
            batch, rest = rest[:size], rest[size:]
            for id, version, passages in batch:
                if version >= index.get(id, (0, 0))[0]:
                    index[id] = (version, passages)
                newest[id] = max(newest.get(id, 0), version)
            noted = [(id, Entry(version, index[id][0], passages, passages)) for id, version, passages in batch]
            journal.note([(Document(id, "text"), arrival) for id, arrival in noted])
        current = {id for id, version in newest.items() if index[id][0] == version}
        assert (
            journal.report.documents
            == len(came)
            == journal.report.indexed + journal.report.superseded + journal.report.duplicates
        )
        assert (journal.report.indexed, journal.report.superseded) == (len(current), len(newest) - len(current))
        assert journal.report.passages == sum(index[id][1] for id in current)
        assert {each.id for each in journal.superseded_documents()} == newest.keys() - current
        assert sorted(journal.never_found()) == sorted(id for id in current if not index[id][1])
        again = Counter(id for id, _, _ in came) - Counter(newest.keys())
        assert Counter(each.id for each in journal.duplicated()) == again


def test_a_full_folder_for_temporary_files_is_an_error_of_ours() -> None:
    with Journal() as journal:
        journal._db.execute("PRAGMA max_page_count = 3")
        with pytest.raises(StorageFull, match="can't hold the ids of this run: database or disk is full") as raised:
            list(journal.find_duplicates(document(str(number), "x" * 100) for number in range(1000)))
        assert isinstance(raised.value.__cause__, sqlite3.OperationalError)


def test_a_disk_that_is_full_while_the_journal_is_read_is_an_error_of_ours() -> None:
    ids = [f"{number:0512}" for number in range(20_000)]  # sorting them takes more than the memory for it
    with Journal() as journal:
        journal.note([(document(id, "x"), Entry(1, stored=2, passages=0, dims=0)) for id in ids])
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
        try:
            with pytest.raises(StorageFull, match="can't hold the ids of this run: "):
                list(journal.superseded_documents())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert [each.id for each in journal.superseded_documents()] == ids


def test_an_error_of_the_database_that_is_not_about_the_disk_is_not_called_a_full_disk() -> None:
    with Journal() as journal:
        journal._db.execute("DROP TABLE entries")
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            list(journal.find_duplicates([document("a", "x")]))
