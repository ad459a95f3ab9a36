"""Rows that are held out have queries that none of the rows trained on has."""

from __future__ import annotations

from pathlib import Path

import pytest

from postings.errors import ConfigurationError, InvalidInput
from postings_training.recipes.sections import DataSettings
from postings_training.runs.training_data import load_data
from tests.support.training_rows import jsonl


def test_what_is_held_out_does_not_come_again_with_a_sentence(tmp_path: Path) -> None:
    answer = "It is warm in the savanna by day. There the lion hunts zebras by night {}. It sleeps in the shade by day."
    rows = [{"query": f"{n**9:z<12x}", "positive": answer.format(n)} for n in range(1, 21)]
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),), held_out=10, sentences=1))
    assert data.held_out is not None
    assert len(data.train) == 20
    assert not set(data.train["query"]) & set(data.held_out["query"])


def test_no_row_with_a_query_like_one_held_out_is_trained_on(tmp_path: Path) -> None:
    names = ("glacier caves", "the liver", "steam engines", "sea otters", "black holes")
    rows = [
        {"query": ask.format(name), "positive": f"{answer} {name}."}
        for name in names
        for answer in ("Of", "About")
        for ask in ("how do scientists explain {}", "How do scientists explain {}?")
    ]
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),), held_out=2))
    assert data.held_out is not None
    trained, measured = ({text.lower().rstrip("?") for text in each["query"]} for each in (data.train, data.held_out))
    assert len(trained) + len(measured) == len(names)
    assert sorted(row.query for _, row in data.sources[0].used()) == sorted(data.train["query"])
    with pytest.raises(InvalidInput, match=r"no row is left to train on: all hold a query that is held out"):
        load_data(DataSettings(sources=(jsonl(tmp_path, *rows[:4]),), held_out=1))


def test_rows_are_held_out_and_counted(tmp_path: Path) -> None:
    rows = [{"query": f"q{n}", "positive": f"p{n}"} for n in range(50)]
    path = jsonl(tmp_path, *rows)
    data = load_data(DataSettings(sources=(path,), rows=40, held_out=10))
    assert data.held_out is not None
    assert sorted([*data.train["query"], *data.held_out["query"]]) == sorted(f"q{n}" for n in range(40))
    assert len(data.held_out) == 10
    with pytest.raises(ConfigurationError, match=r"data\.held_out is 50, but there are 50 rows in all"):
        load_data(DataSettings(sources=(path,), held_out=50))
