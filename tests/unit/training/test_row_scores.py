"""The scores of rows become the labels that the loss needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from postings.encoder.model_files.location import BUNDLED
from postings.errors import ConfigurationError, InvalidInput
from postings_training.recipes.loading import load_recipe
from postings_training.recipes.sections import DataSettings
from postings_training.runs.training_data import load_data
from postings_training.teachers.by_row import labeled
from tests.support.training_rows import ONE, TWO, jsonl

MARGINS = [{**ONE, "negatives": ["x", "y"], "scores": [9, 3, 2]}, {**TWO, "negatives": ["v", "w"], "scores": [8, 5, 4]}]


@pytest.mark.parametrize(
    ("kind", "labels"), [("margin-mse", [[6, 7], [3, 4]]), ("kl", [[9, 3, 2], [8, 5, 4]]), ("contrastive", None)]
)
def test_scores_become_what_the_loss_wants(tmp_path: Path, kind: str, labels: list[list[float]] | None) -> None:
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *MARGINS),))).train
    found = labeled(data, load_recipe("splade-nq", [f"loss.kind={kind}", "teachers=[]"]), "cpu")
    assert (found["label"][:] if labels else found.column_names) == (
        labels or ["query", "positive", "negative_1", "negative_2"]
    )


@pytest.mark.parametrize(
    ("rows", "kind", "reason"),
    [
        ([ONE, TWO], "kl", r"the rows have no negatives: mine some"),
        ([{**ONE, "negative": "x"}, {**TWO, "negative": "y"}], "kl", r"no scores, and no teacher is named"),
        (
            [{**ONE, "negative": "x", "score": 1}, {**TWO, "negative": "y", "score": 2}],
            "kl",
            r"needs the positive's score too",
        ),
        (
            [{**ONE, "negatives": ["x", "y"], "score": 1}, {**TWO, "negatives": ["x", "y"], "score": 2}],
            "margin-mse",
            r"2 negatives need as many margins, or 3 scores, got 1",
        ),
    ],
)
def test_rows_that_can_not_be_distilled_from_are_refused(
    tmp_path: Path, rows: list[Any], kind: str, reason: str
) -> None:
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),))).train
    with pytest.raises(InvalidInput, match=reason):
        labeled(data, load_recipe("splade-nq", [f"loss.kind={kind}", "teachers=[]"]), "cpu")


def test_bm25_teaches_in_batches_alone(tmp_path: Path) -> None:
    rows = ({**ONE, "negative": "x"}, {**TWO, "negative": "y"})
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),))).train
    with pytest.raises(ConfigurationError, match=r"is 'kl', but a bm25 teacher needs loss\.kind 'in-batch-kl'"):
        labeled(data, load_recipe("distill", ["loss.kind=kl", "teachers=[{kind = 'bm25'}]"]), "cpu")


def test_a_teacher_that_is_named_scores_rows_that_have_scores(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "postings_training")
    bare = [{name: value for name, value in row.items() if name != "scores"} for row in MARGINS]
    scored, unscored = (
        load_data(DataSettings(sources=(jsonl(tmp_path, *rows, name=f"{len(rows[0])}.jsonl"),))).train
        for rows in (MARGINS, bare)
    )
    recipe = load_recipe("distill", ["loss.kind=kl", f"teachers=[{{model = '{BUNDLED / 'tiny'}', kind = 'sparse'}}]"])
    found = labeled(scored, recipe, "cpu")["label"][:]
    assert found == labeled(unscored, recipe, "cpu")["label"][:]
    assert found != [row["scores"] for row in MARGINS]
    assert "the teachers score the rows; their own scores are left aside" in caplog.text


def test_the_scores_of_rows_are_learned_where_no_teacher_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "postings_training")
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *MARGINS),))).train
    assert labeled(data, load_recipe("distill", ["teachers=[]"]), "cpu")["label"][:] == [[6, 7], [3, 4]]
    assert "no teacher is named: the rows' own scores are learned" in caplog.text
