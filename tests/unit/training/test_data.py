"""The training data of a run: its sources, what is taken from them, and what can't be trained on."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from postings.errors import ConfigurationError, InvalidInput, ReaderError
from postings_training.recipes.sections import DataSettings
from postings_training.runs.training_data import load_data
from tests.support.training_rows import ONE, TWO, jsonl


def test_pairs_are_read_with_their_digest(tmp_path: Path) -> None:
    path = jsonl(tmp_path, {**ONE, "source": "x", "doc_id": 7}, "", TWO)
    data = load_data(DataSettings(sources=(path,), license="CC0"))
    assert data.train.to_dict() == {
        "query": ["what hunts?", "what sings?"],
        "positive": ["a lion", "a nightingale"],
    }
    (source,) = data.sources
    assert (source.path, source.rows, source.license) == (path, 2, "CC0")
    assert source.digest == f"sha256 {hashlib.sha256(Path(path).read_bytes()).hexdigest()}"
    assert data.held_out is None


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"b\.jsonl holds no row to train on"):
        load_data(DataSettings(sources=(jsonl(tmp_path, ONE, TWO), jsonl(tmp_path, "", name="b.jsonl"))))


@pytest.mark.parametrize(
    "rows",
    [
        [ONE, {**ONE, "query": "what roars?"}],
        [{**ONE, "negative": "x", "score": [1, 1]}, {**TWO, "negative": "y", "score": [1, 1]}],
    ],
)
def test_one_class_only_is_refused(tmp_path: Path, rows: list[Any]) -> None:
    with pytest.raises(InvalidInput, match=r"so there is nothing to tell apart"):
        load_data(DataSettings(sources=(jsonl(tmp_path, *rows),)))


def test_a_negative_that_is_the_positive_is_refused(tmp_path: Path) -> None:
    rows = ({**ONE, "negative": "a bird"}, {**TWO, "negative": "a nightingale"})
    with pytest.raises(InvalidInput, match=r"pairs\.jsonl:2: a negative of 'what sings\?' is its positive, too"):
        load_data(DataSettings(sources=(jsonl(tmp_path, *rows),)))


def test_negatives_are_cut_to_a_number_and_rows_with_fewer_left_out(tmp_path: Path) -> None:
    rows = [
        {**ONE, "negatives": ["x", "y", "z"], "scores": [9, 3, 2, 1]},
        {**TWO, "negatives": ["x"], "scores": [9, 3]},
        {**TWO, "negatives": ["v", "w"], "scores": [8, 5, 4]},
    ]
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),), negatives=2)).train
    assert data["negative_1"][:] == ["x", "v"]
    assert data["negative_2"][:] == ["y", "w"]
    assert data["label"][:] == [[9, 3, 2], [8, 5, 4]]


@pytest.mark.parametrize(
    ("source", "error", "reason"),
    [
        (
            "missing.jsonl",
            ReaderError,
            r"missing\.jsonl doesn't exist: expected a JSONL file, a BEIR folder or a hub id",
        ),
        ("/no/such/file", ReaderError, r"doesn't exist"),
    ],
)
def test_a_source_that_is_not_there_is_reported(source: str, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        load_data(DataSettings(sources=(source,)))


def test_no_source_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"data\.sources is empty"):
        load_data(DataSettings())


def test_a_sample_of_each_source_is_the_same_each_time(tmp_path: Path) -> None:
    paths = tuple(
        jsonl(tmp_path, *({"query": f"{name} {n}", "positive": f"text {n}"} for n in range(20)), name=f"{name}.jsonl")
        for name in ("a", "b")
    )
    first, again = (load_data(DataSettings(sources=paths, sample=5)) for _ in range(2))
    assert first.train.to_dict() == again.train.to_dict()
    assert [source.rows for source in first.sources] == [5, 5]
    numbers = [int(query.split()[1]) for query in first.train["query"][:5]]
    assert numbers == sorted(numbers)
    assert numbers != list(range(5))
    assert [number - 1 for number, _ in first.sources[0].used()] == numbers  # where a leak is looked for
    assert len(load_data(DataSettings(sources=paths[:1], sample=50)).train) == 20
