"""What is exported can be read again, whatever is in ids and queries, and what qrels can't hold is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document
from postings.errors import InvalidInput
from postings_query.judgements.beir_folder import part_of, query_id, write_beir_folder
from postings_training import load_beir, load_set
from tests.support.strategies import documents, ids, said

strange = st.sampled_from(["a\tb", "a\nb", "a\rb", '"a', "'", "\ufeffa", "\0", " ", "\u2028", "\x85", "\x1c", "1\t1"])
either = ids | strange
corpora = st.lists(documents, max_size=5, unique_by=lambda each: each.id)
grades = st.dictionaries(
    said | strange.filter(str.strip), st.dictionaries(either, st.integers(0, 3), min_size=1, max_size=4), max_size=5
)


def is_test(query_id: str) -> str:
    return "test"


@given(corpus=corpora, grades=grades, everything=st.booleans())
def test_what_is_written_is_what_is_read(
    corpus: list[Document], grades: dict[str, dict[str, int]], everything: bool, tmp_path_factory: Any
) -> None:
    folder = tmp_path_factory.mktemp("judged")
    if everything:
        judged = {id for graded in grades.values() for id in graded} - {each.id for each in corpus}
        corpus = [*corpus, *(Document(id, "x") for id in sorted(judged))]
    there = {each.id for each in corpus}
    unwritable = {id for graded in grades.values() for id in graded if {*"\t\n\r"} & {*id}}
    expected = {
        query: {id: grade for id, grade in graded.items() if id in there - unwritable}
        for query, graded in grades.items()
    }
    expected = {query: graded for query, graded in expected.items() if graded}
    if not expected:
        with pytest.raises(InvalidInput):
            write_beir_folder(folder, corpus, grades, is_test)
        return
    written = write_beir_folder(folder, corpus, grades, is_test)
    read = load_set(folder)
    assert {read.judged.queries[id]: graded for id, graded in read.judged.judgements.items()} == expected
    assert {id: tuple(text) for id, text in read.corpus.items()} == {
        each.id: (each.title, each.text) for each in corpus
    }
    assert written.documents == len(corpus)
    assert written.queries == {"test": len(expected)}
    assert written.judgements == sum(map(len, expected.values()))
    assert written.absent == sum(id not in there for graded in grades.values() for id in graded)
    assert {*written.unwritable} == unwritable & there


def test_metadata_are_in_the_corpus(tmp_path: Path) -> None:
    write_beir_folder(tmp_path, [Document("1", "x", "t", {"legs": 4})], {"q": {"1": 1}}, is_test)
    (line,) = (tmp_path / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {"_id": "1", "title": "t", "text": "x", "metadata": {"legs": 4}}


def test_queries_are_divided_always_in_the_same_way(tmp_path: Path) -> None:
    grades = {f"query {number}": {"1": 1} for number in range(200)}

    def split(id: str) -> str:
        return "train" if part_of(id) < 0.3 else "test"

    divided = []
    for name in ("first", "again"):
        folder = tmp_path / name
        folder.mkdir()
        written = write_beir_folder(folder, [Document("1", "x")], grades, split)
        parts = [set(load_beir(folder, each).queries.values()) for each in ("train", "test")]
        assert [len(part) for part in parts] == [written.queries["train"], written.queries["test"]]
        assert not parts[0] & parts[1]
        assert parts[0] | parts[1] == grades.keys()
        divided.append(parts)
        grades = dict(reversed(grades.items()))
    assert divided[0] == divided[1]
    assert 30 < len(divided[0][0]) < 90


@given(said)
def test_a_part_is_a_number_below_one(query: str) -> None:
    assert 0 <= part_of(query_id(query)) < 1


def test_nothing_that_is_judged_makes_no_folder_that_looks_whole(tmp_path: Path) -> None:
    for grades in ({}, {"q": {"elsewhere": 1}}, {"q": {"a\tb": 1}}):
        with pytest.raises(InvalidInput):
            write_beir_folder(tmp_path, [Document("1", "x"), Document("a\tb", "x")], grades, is_test)
        assert not (tmp_path / "qrels").exists()
