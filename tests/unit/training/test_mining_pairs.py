"""Training pairs as they should come and as they shouldn't."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings.errors import ReaderError
from postings_training.pairs import Pair, read_pairs
from tests.support.beir import write_beir

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SAID = TEXTS.filter(str.strip)


@given(rows=st.lists(st.builds(Pair, SAID, SAID, TEXTS, TEXTS), min_size=1))
def test_pairs_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, rows: list[Pair]) -> None:
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    path.write_text("".join(json.dumps(row._asdict(), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert list(read_pairs(path)) == rows


def test_names_of_documents_are_optional_and_other_fields_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"query": "q", "positive": "p", "doc_id": 7, "source": null, "grade": 2}\n')
    assert list(read_pairs(path)) == [Pair("q", "p", "", "7")]


def test_a_beir_folder_gives_a_pair_for_each_relevant_document(tmp_path: Path) -> None:
    corpus = {"a": "lion", "b": "dog", "c": "tiger", "empty": ""}
    judgements = {"q": {"a": 1, "b": 0, "c": 2, "empty": 1}}
    folder = write_beir(tmp_path / "set", corpus, {"q": "cat"}, judgements, "train")
    assert list(read_pairs(folder)) == [Pair("cat", "lion", "set", "a"), Pair("cat", "tiger", "set", "c")]


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        '"cat"',
        '{"query": "cat"}',
        '{"query": "cat", "positive": " "}',
        '{"query": "", "positive": "lion"}',
        '{"query": 1, "positive": "lion"}',
        '{"query": "cat", "positive": ["lion"]}',
        '{"anchor": "cat", "positive": "lion"}',
    ],
)
def test_a_row_without_its_columns_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(f'{{"query": "cat", "positive": "lion"}}\n{line}\n')
    with pytest.raises(ReaderError) as caught:
        list(read_pairs(path))
    assert str(caught.value).startswith(f"{path}:2: expected an object with the strings query and positive")


def test_a_file_without_a_pair_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("\n \n")
    with pytest.raises(ReaderError, match="holds no pair"):
        list(read_pairs(tmp_path / "pairs.jsonl"))
    with pytest.raises(ReaderError, match="can't be read: No such file"):
        list(read_pairs(tmp_path / "nowhere.jsonl"))
