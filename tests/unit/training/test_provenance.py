"""What a model's folder says it was trained on."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings.errors import InvalidInput, ModelNotFound, ReaderError
from postings_training.leaks.known_sources import known_sources
from postings_training.leaks.provenance import RECORD, Source, gaps, trained_on
from tests.support.beir import write_beir

PAIR = '{"query": "cat", "positive": "a lion"}\n'


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """As much of a model's folder as it takes to be one."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def pairs(folder: Path, content: str = PAIR * 3) -> Path:
    (folder / "pairs.jsonl").write_text(content, encoding="utf-8")
    return folder / "pairs.jsonl"


def test_what_was_described_is_read_back(model: Path, tmp_path: Path) -> None:
    described = Source.of(pairs(tmp_path))
    assert described.rows == 3
    (model / RECORD).write_text(json.dumps({"data": [asdict(described)], "seed": 1}))
    assert trained_on(str(model)) == [described]
    assert described.changed() is None


def test_rows_that_were_left_out_or_not_read_are_not_among_those_used(tmp_path: Path) -> None:
    path = pairs(tmp_path, "".join(PAIR.replace("cat", f"cat {number}") for number in range(1, 9)))
    source = Source(str(path), "", rows=3, left_out=((1, 1), (4, 4)))
    assert [(number, row.query) for number, row in source.used()] == [(2, "cat 2"), (3, "cat 3"), (5, "cat 5")]


@given(st.sets(st.integers(1, 60)), st.integers(60, 70))
def test_gaps_are_the_numbers_that_are_missing(numbers: set[int], last: int) -> None:
    found = gaps(sorted(numbers), last)
    missing = [number for first, end in found for number in range(first, end + 1)]
    assert missing == sorted({*range(1, last + 1)} - numbers)
    assert all(end + 1 < first for (_, end), (first, _) in pairwise(found))


def test_of_two_models_that_saw_different_rows_of_a_file_both_are_known(model: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(model, tmp_path / "other"))
    whole = Source.of(pairs(tmp_path))
    start = replace(whole, rows=1)
    for folder, source in ((model, whole), (other, start)):
        (folder / RECORD).write_text(json.dumps({"data": [asdict(source)]}))
    assert known_sources([str(model), str(other)]) == ([whole, start], [])


def test_data_that_moved_is_known_by_its_digest(model: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    whole = Source.of(pairs(elsewhere))
    recorded = replace(whole, path="nowhere.jsonl", rows=2, left_out=((2, 2),))
    (model / RECORD).write_text(json.dumps({"data": [asdict(recorded)]}))
    remark = f"not checked for leaks, though {model} was trained on it: nowhere.jsonl (not found)"
    assert known_sources([str(model)]) == ([], [remark])
    assert known_sources([str(model)], [Path(whole.path)]) == ([replace(recorded, path=whole.path)], [])


def test_data_that_one_model_names_are_the_others_as_a_whole_if_it_says_nothing(model: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(model, tmp_path / "other"))
    whole = Source.of(pairs(tmp_path))
    start, at = replace(whole, rows=1), [Path(whole.path)]
    (model / RECORD).write_text(json.dumps({"data": [asdict(start)]}))
    assert known_sources([str(model), str(other)], at) == ([start, whole], [])
    (other / RECORD).write_text(json.dumps({"data": []}))
    assert known_sources([str(model), str(other)], at) == ([start], [])
    assert known_sources([str(other)], at) == ([whole], [])


def test_models_and_data_may_be_generators(model: Path, tmp_path: Path) -> None:
    wholes = [Source.of(pairs(tmp_path, PAIR * rows)) for rows in (1,)]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    wholes.append(Source.of(pairs(elsewhere, PAIR * 2)))
    recorded = [replace(each, path="nowhere") for each in wholes]
    (model / RECORD).write_text(json.dumps({"data": [asdict(each) for each in recorded]}))
    assert known_sources((str(each) for each in [model]), (Path(each.path) for each in wholes)) == (wholes, [])


@pytest.mark.parametrize(
    ("models", "given", "wrong"),
    [("tiny", [], "models"), (None, [], "models"), (["tiny"], "pairs.jsonl", "given"), (["tiny"], [7], "given")],
)
def test_what_holds_no_models_or_paths_is_refused(models: Any, given: Any, wrong: str) -> None:
    with pytest.raises(InvalidInput, match=f"{wrong} must hold"):
        known_sources(models, given)


def test_a_beir_folder_that_moved_is_known_by_the_split_that_was_trained_on(model: Path, tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "set", {"a": "lion"}, {"q": "cat"}, {"q": {"a": 1}}, "dev")
    described = Source.of(folder, "dev")
    (model / RECORD).write_text(json.dumps({"data": [asdict(replace(described, path="nowhere"))]}))
    assert known_sources([str(model)], [folder]) == ([described], [])


def test_data_that_changed_or_went_is_told(tmp_path: Path) -> None:
    described = Source.of(pairs(tmp_path))
    pairs(tmp_path, PAIR * 4)
    assert described.changed() == "changed since"
    (tmp_path / "pairs.jsonl").unlink()
    assert described.changed() == "not found"


def test_a_beir_folder_is_known_by_what_is_trained_on(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "set", {"a": "lion", "b": "dog"}, {"q": "cat"}, {"q": {"a": 1, "b": 0}}, "train")
    described = Source.of(folder)
    assert described.rows == 1
    write_beir(folder, {"a": "lion", "b": "dog"}, {"q": "cat"}, {"q": {"b": 1}}, "test")
    assert described.changed() is None
    write_beir(folder, {"a": "lion", "b": "dog"}, {"q": "cat"}, {"q": {"b": 1}}, "train")
    assert described.changed() == "changed since"


def test_a_model_may_say_nothing(model: Path) -> None:
    assert trained_on(str(model)) is None


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"data": {}}',
        '{"data": [{"path": "x", "digest": "y"}]}',
        '{"data": [{"path": "", "digest": "y", "rows": 1}]}',
        '{"data": [{"path": "x", "digest": "y", "rows": true}]}',
        '{"data": ["pairs.jsonl"]}',
        '{"data": [{"path": "x", "digest": "y", "rows": 1, "left_out": ["2"]}]}',
        '{"data": [{"path": "x", "digest": "y", "rows": 1, "left_out": [2]}]}',
    ],
)
def test_a_malformed_record_is_reported(model: Path, content: str) -> None:
    (model / RECORD).write_text(content)
    with pytest.raises(ReaderError, match=r"training\.json"):
        trained_on(str(model))


def test_a_model_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        trained_on(str(tmp_path / "nowhere"))
