"""Rows that hold a test query are left out, and a set whose queries were trained on is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from postings.errors import InvalidInput
from postings_training.data import load_set
from postings_training.data.rows import Row, read_rows
from postings_training.leaks.guard import without_leaks
from postings_training.leaks.provenance import Source
from postings_training.recipes.sections import DataSettings
from postings_training.runs.training_data import load_data
from tests.support.beir import ENCYCLOPEDIA, write_beir
from tests.support.training_rows import ONE, TWO, jsonl


def test_rows_that_hold_a_test_query_of_a_set_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    test_set = write_beir(tmp_path / "test", {"d": "a lion"}, {"q": "What hunts?", "r": "it roars"}, {"q": {"d": 1}})
    rows = [TWO, ONE, {"query": "what roars?", "positive": "It roars."}, {"query": "what hunts", "positive": "x"}]
    path, other = jsonl(tmp_path, *rows, TWO, ONE), jsonl(tmp_path, TWO, name="other.jsonl")
    caplog.set_level("INFO", "postings_training")
    data = load_data(DataSettings(sources=(path, other), leave_out=(str(test_set),), rows=5))
    assert data.train["query"][:] == ["what sings?", "what roars?", "what sings?", "what sings?"]
    first, second = data.sources
    assert (first.rows, first.left_out, second.rows, second.left_out) == (3, ((2, 2), (4, 4)), 1, ())
    assert [number for number, _ in first.used()] == [1, 3, 5]
    assert f"pairs.jsonl: 2 of 5 rows are left out: they hold a test query of {test_set}" in caplog.text
    assert "other.jsonl: 0 of 1 rows are left out" in caplog.text


def test_a_source_of_which_no_row_is_left_is_refused(tmp_path: Path) -> None:
    test_set = write_beir(tmp_path / "test", {"d": "a lion"}, {"q": "What hunts?"}, {"q": {"d": 1}})
    with pytest.raises(InvalidInput, match=r"pairs\.jsonl holds no row to train on"):
        load_data(DataSettings(sources=(jsonl(tmp_path, ONE),), leave_out=(str(test_set),)))


def test_every_set_of_a_generator_is_looked_for_in_every_source_of_another(tmp_path: Path) -> None:
    asked = {"a": "What roars?", "b": "What hunts?"}
    folders = [write_beir(tmp_path / n, {"d": "a lion"}, {"q": text}, {"q": {"d": 1}}) for n, text in asked.items()]
    sets = [load_set(folder) for folder in folders]
    sources = [Source.of(jsonl(tmp_path, TWO, name="other.jsonl")), Source.of(jsonl(tmp_path, ONE))]
    with pytest.raises(InvalidInput, match="1 of the 1 queries of b are in the training data"):
        without_leaks(iter(sets), iter(sources))
    assert without_leaks(iter(sets[:1]), iter(sources)) == (sets[:1], [])


@pytest.mark.parametrize("wrong", ["abc", None, [7]])
def test_what_holds_no_sets_or_sources_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="sets must hold"):
        without_leaks(wrong, [])
    with pytest.raises(InvalidInput, match="sources must hold"):
        without_leaks([], wrong)


def test_the_rows_that_leak_are_left_out_and_no_others(tmp_path: Path) -> None:
    """Four rows that hold a test query in some way, each among 32 on the same topics that don't."""
    data = load_set(ENCYCLOPEDIA)
    asked = data.judged.queries
    leaking = [
        Row(asked["papermaking-2"].upper(), "Because of acid."),
        Row("What do you call the oldest rubbish?", asked["glassblowing-2"]),
        Row(asked["malaria-2"].replace("has", "had"), data.corpus["tea"].text),
        Row(asked["igloo-1"].replace("snow house", "house of snow"), data.corpus["igloo"].text),
    ]
    rows = [row for _, row in read_rows(ENCYCLOPEDIA / "pairs.jsonl")]
    for at, row in enumerate(leaking):
        rows.insert(33 * at, row)
    pairs = jsonl(tmp_path, *({"query": row.query, "positive": row.positive} for row in rows))
    whole = load_data(DataSettings(sources=(pairs,))).sources
    left = load_data(DataSettings(sources=(pairs,), leave_out=(str(ENCYCLOPEDIA),))).sources
    assert left[0].left_out == ((1, 1), (34, 34), (67, 67), (100, 100))
    assert (left[0].rows, whole[0].rows) == (128, 132)
    with pytest.raises(InvalidInput, match=r"4 of the 72 queries of encyclopedia are in the training data"):
        without_leaks([data], whole)
    assert without_leaks([data], left) == ([data], [])


def test_a_sentence_that_is_a_test_query_is_no_passage(tmp_path: Path) -> None:
    claim = "Radioiodine treatment of multinodular goitre reduces thyroid volume."
    long = "It was studied in many hospitals over a period of ten years. {} Nothing else in the patients changed."
    other = "Steam engines of this kind were built in great numbers before the war."
    queries, judgements = {"1": claim}, {"1": {"d": 1}}
    folder = write_beir(tmp_path / "claims", {"d": "An abstract of another kind."}, queries, judgements)
    rows = [{"query": f"{text.split()[0]} and its effects", "positive": long.format(text)} for text in (claim, other)]
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),), leave_out=(str(folder),), sentences=1))
    assert len(data.train) == 3
    assert claim not in data.train["positive"]
    assert data.sources[0].left_out == ()


def test_data_that_were_named_from_one_folder_are_found_from_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_set = load_set(write_beir(tmp_path / "test", {"d": "a lion"}, {"q": "What hunts?"}, {"q": {"d": 1}}))
    jsonl(tmp_path, ONE, TWO)
    monkeypatch.chdir(tmp_path)
    trained, described = load_data(DataSettings(sources=("pairs.jsonl",))).sources, Source.of("pairs.jsonl")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for source in (*trained, described):
        assert source.changed() is None
        with pytest.raises(InvalidInput, match=r": pairs\.jsonl row 1 'what hunts\?'"):
            without_leaks([test_set], [source])
