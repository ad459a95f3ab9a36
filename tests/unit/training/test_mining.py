"""Hard negatives of the bundled model: what is known to answer a query, or may well, is none."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Encoder
from postings.errors import ConfigurationError
from postings_training.data.rows import Row
from postings_training.mining import Guards, Mined, mine
from tests.support.beir import write_beir
from tests.support.jsonl import write_jsonl

LOOSE = Guards(relative_margin=0.0)
"""Any score below the positive's."""

CATS = {
    "lion": "The lion is a large cat that lives in prides and hunts in the savannah.",
    "tiger": "The tiger is the largest cat, and it hunts alone in the forests of Asia.",
    "cheetah": "The cheetah is the fastest cat, and it hunts gazelles by running.",
    "house": "A house cat sleeps most of the day and hunts mice.",
    "car": "A car has four wheels and an engine.",
}


def write(path: Path, *pairs: Row) -> Path:
    rows = ({name: value for name, value in asdict(pair).items() if value} for pair in pairs)
    return write_jsonl(path, rows)


def mined(path: Path, encoder: Encoder, negatives: int = 10, guards: Guards = LOOSE) -> list[Mined]:
    return list(mine(path, encoder, negatives, guards))


@pytest.fixture
def cats(tmp_path: Path) -> Path:
    queries = ("lion in a pride", "largest cat in Asia", "fastest running cat", "sleeping house cat", "engine of a car")
    pairs = (
        Row(query, text, source="cats", doc_id=id) for query, (id, text) in zip(queries, CATS.items(), strict=True)
    )
    return write(tmp_path / "pairs.jsonl", *pairs)


def test_negatives_are_the_other_texts_that_score_high(cats: Path, encoder: Encoder) -> None:
    rows = mined(cats, encoder)
    assert [row.pair.doc_id for row in rows] == list(CATS)
    fastest = rows[2]
    assert fastest.negatives
    assert fastest.pair.positive not in fastest.negatives
    assert CATS["car"] != fastest.negatives[0]


def test_scores_are_the_models_own_and_fall(cats: Path, encoder: Encoder) -> None:
    for row in mined(cats, encoder):
        (query,) = encoder.encode_queries([row.pair.query])
        texts = encoder.encode_documents([row.pair.positive, *row.negatives])
        assert row.scores == pytest.approx([query.dot(text) for text in texts], abs=1e-3)
        assert list(row.scores) == sorted(row.scores, reverse=True)


def test_another_positive_of_the_query_is_no_negative(tmp_path: Path, encoder: Encoder) -> None:
    pairs = [Row("large cat", CATS["lion"]), Row("Large cat!", CATS["tiger"]), Row("car", CATS["car"])]
    path = write(tmp_path / "pairs.jsonl", *pairs, Row("fast cat", CATS["cheetah"]))
    first, second, *_ = mined(path, encoder, guards=Guards(margin=0, relative_margin=0))
    assert not {CATS["lion"], CATS["tiger"]} & {*first.negatives, *second.negatives}


def test_another_text_of_the_same_document_is_no_negative(tmp_path: Path, encoder: Encoder) -> None:
    pairs = [
        Row("fastest cat", CATS["cheetah"], source="book", doc_id="1"),
        Row("sleeping cat", CATS["house"], source="book", doc_id="1"),
        Row("cat in a pride", CATS["lion"], source="book", doc_id="2"),
        Row("cat in Asia", CATS["tiger"], source="other", doc_id="1"),
    ]
    first, *_ = mined(write(tmp_path / "pairs.jsonl", *pairs), encoder)
    assert CATS["house"] not in first.negatives
    assert CATS["tiger"] in first.negatives


def test_a_text_that_nearly_equals_the_positive_is_no_negative(tmp_path: Path, encoder: Encoder) -> None:
    copies = [CATS["cheetah"].upper(), CATS["cheetah"] + " Fast.", CATS["cheetah"].replace("it hunts", "hunts")]
    pairs = [Row(f"query {at}", text) for at, text in enumerate([*copies, CATS["lion"]])]
    first, *_ = mined(write(tmp_path / "pairs.jsonl", Row("fastest cat", CATS["cheetah"]), *pairs), encoder)
    assert first.negatives == (CATS["lion"],)


@pytest.mark.parametrize("margin", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("relative", [0.0, 0.05, 0.5])
def test_negatives_stay_below_both_margins(cats: Path, encoder: Encoder, margin: float, relative: float) -> None:
    every = mined(cats, encoder)
    for row, loose in zip(
        mined(cats, encoder, guards=Guards(margin=margin, relative_margin=relative)), every, strict=True
    ):
        limit = min(row.scores[0] - margin, row.scores[0] * (1 - relative))
        expected = [text for text, score in zip(loose.negatives, loose.scores[1:], strict=True) if score <= limit]
        assert list(row.negatives) == expected


def test_the_first_ranks_are_skipped_and_the_last_not_looked_at(cats: Path, encoder: Encoder) -> None:
    # Margins aside, ranks count texts that aren't known to answer; the tiger scores lower than all for its own query.
    whole = mined(cats, encoder, guards=Guards(relative_margin=0.0))
    window = mined(cats, encoder, guards=Guards(skip=1, depth=2, relative_margin=0.0))
    for every, some in zip(whole, window, strict=True):
        assert len(some.negatives) <= 1
        assert set(some.negatives) <= set(every.negatives[:2])


def test_at_most_as_many_as_asked_for(cats: Path, encoder: Encoder) -> None:
    whole, two = mined(cats, encoder), mined(cats, encoder, negatives=2)
    assert [row.negatives[:2] for row in whole] == [row.negatives for row in two]
    assert all(len(row.scores) == len(row.negatives) + 1 for row in two)


def test_mining_twice_gives_the_same(cats: Path, encoder: Encoder) -> None:
    assert mined(cats, encoder) == mined(cats, encoder)


def test_no_judged_answer_of_a_beir_folder_is_a_negative_whatever_its_split(tmp_path: Path, encoder: Encoder) -> None:
    folder = tmp_path / "set"
    queries = {"q": "cat that hunts", "again": "cat that hunts"}
    write_beir(folder, CATS, queries, {"q": {"lion": 1, "house": 0}}, "train")
    write_beir(folder, CATS, queries, {"again": {"cheetah": 1}}, "test")
    (row,) = mined(folder, encoder, guards=Guards(relative_margin=0))
    assert row.pair == Row("cat that hunts", CATS["lion"], source="set", doc_id="lion")
    assert CATS["cheetah"] not in row.negatives
    (wide,) = mine(folder, encoder, 10, Guards(relative_margin=0, margin=0), split="test")
    assert CATS["lion"] not in wide.negatives


def test_a_row_holds_what_training_needs(cats: Path, encoder: Encoder) -> None:
    row = mined(cats, encoder)[0].to_json()
    assert json.loads(json.dumps(row)) == row
    assert {"query", "positive", "negatives", "scores", "source", "doc_id"} == set(row)


@given(positive=st.floats(0, 1e3), margin=st.floats(0, 1e3), relative=st.floats(0, 1))
def test_a_negative_never_scores_above_the_positive(positive: float, margin: float, relative: float) -> None:
    assert Guards(margin=margin, relative_margin=relative).highest(positive) <= positive


@pytest.mark.parametrize(
    "wrong",
    [
        {"skip": -1},
        {"skip": 100},
        {"depth": 0},
        {"depth": 10_001},
        {"margin": -0.1},
        {"margin": float("nan")},
        {"margin": float("inf")},
        {"relative_margin": 1.1},
        {"relative_margin": float("nan")},
        {"skip": "1"},
        {"depth": 10.0},
        {"margin": "0.1"},
        {"relative_margin": None},
    ],
)
def test_guards_that_are_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="expected"):
        Guards(**wrong)


def test_no_negatives_can_not_be_asked_for(cats: Path, encoder: Encoder) -> None:
    with pytest.raises(ConfigurationError, match="expected 1 negative or more, got 0"):
        mined(cats, encoder, negatives=0)
    with pytest.raises(ConfigurationError, match="expected an integer for negatives, got '5'"):
        mined(cats, encoder, negatives="5")  # type: ignore[arg-type]
