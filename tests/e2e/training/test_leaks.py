"""From training to evaluation, a query that is trained on gets no score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from postings.errors import InvalidInput
from postings_cli.main import run
from postings_training.leaks.provenance import trained_on
from postings_training.runs.run import train
from tests.support.models import save, small_bert
from tests.support.training import BY_WORDS, QUICK, beir, lines, pairs, quick

CHANGES = [part for change in (*QUICK, *BY_WORDS, "training.steps=1") for part in ("--set", change)]


@pytest.fixture(autouse=True)
def _no_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting a trained model to ONNX takes longer than its training."""
    monkeypatch.setenv("POSTINGS_BACKEND", "torch")


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A set of 12 queries."""
    return beir(tmp_path / "measured", articles=12)


@pytest.fixture
def data(tmp_path: Path, measured: Path) -> Path:
    """16 pairs, and as the 17th a query of the set, in other letters."""
    path = pairs(tmp_path, 16)
    row = {"query": next(lines(measured / "queries.jsonl"))["text"].upper(), "positive": "It is known."}
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    return path


def test_a_set_whose_query_is_trained_on_stops_the_run_before_it_starts(
    data: Path, measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model"
    command = ["train", "tiny", "--data", str(data), "--evaluate", str(measured), "--out", str(out), *CHANGES]
    assert run(command) == 1
    said = capsys.readouterr().err
    assert "1 of the 12 queries of measured are in the training data" in said
    assert "pairs.jsonl row 17" in said
    assert "--leaks drop" in said
    assert "--leave-out" in said
    assert not out.exists()
    assert not list(tmp_path.glob("model.run/checkpoint-*"))
    assert run([*command, "--leaks", "drop"]) == 0
    assert "1 of the 12 queries of measured were left out" in capsys.readouterr().err


def test_a_model_tells_what_it_was_trained_on_and_evaluate_asks_it(
    data: Path, measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    assert train(quick("tiny", data, *BY_WORDS, steps=1), model) is not None
    assert run(["evaluate", str(model), "--data", str(measured)]) == 1
    assert "1 of the 12 queries of measured are in the training data" in capsys.readouterr().err
    assert run(["evaluate", str(model), "--data", str(measured), "--leaks", "drop", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["systems"][0]["sets"]
    assert len(found["each"]) == 11

    later = tmp_path / "later"
    (tmp_path / "other").mkdir()
    recipe = quick("tiny", pairs(tmp_path / "other", 8), *BY_WORDS, base=str(model), steps=1)
    assert train(recipe, later) is not None
    known = trained_on(str(later)) or []
    assert [Path(source.path).parent.name for source in known[:2]] == ["other", tmp_path.name]
    assert known[2:] == trained_on("tiny")
    assert run(["evaluate", str(later), "--data", str(measured)]) == 1
    capsys.readouterr()
    other = ["train", "tiny", "--data", str(tmp_path / "other" / "pairs.jsonl"), "--base", str(model), *CHANGES]
    assert run([*other, "--evaluate", str(measured), "--out", str(tmp_path / "refused")]) == 1
    assert "1 of the 12 queries of measured are in the training data" in capsys.readouterr().err


def test_rows_that_are_left_out_of_training_leave_the_score_whole(
    data: Path, measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    command = ["train", "tiny", "--data", str(data), "--leave-out", str(measured), "--evaluate", str(measured)]
    assert run([*command, "--out", str(model), *CHANGES]) == 0
    assert "1 of 17 rows are left out" in capsys.readouterr().err.replace("\n", " ")
    source, *of_the_base = trained_on(str(model)) or ()
    assert of_the_base == trained_on("tiny")
    assert (source.rows, source.left_out) == (16, ((17, 17),))
    assert run(["evaluate", str(model), "--data", str(measured), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (remark,) = report["remarks"]
    assert "not checked for leaks" in remark  # the base's data, which are named without a folder
    assert "pairs.jsonl" not in remark
    assert len(report["systems"][0]["sets"][0]["each"]) == 12


def test_what_is_held_out_is_no_score_of_a_base_that_was_trained_on_it(tmp_path: Path) -> None:
    data, base = pairs(tmp_path, 40), str(save(small_bert, tmp_path))
    apart, whole = tmp_path / "apart", tmp_path / "whole"
    held_out = (*BY_WORDS, "data.held_out=8")
    assert train(quick("tiny", data, *held_out, base=base, steps=1), apart) is not None
    again = train(quick("tiny", data, *held_out, base=str(apart), steps=1), tmp_path / "again")
    assert again is not None
    assert "held_out_ndcg@10" in again.results
    assert train(quick("tiny", data, *BY_WORDS, base=base, steps=1), whole) is not None
    with pytest.raises(InvalidInput, match=r"8 of the 8 queries of held_out are in the training data"):
        train(quick("tiny", data, *held_out, base=str(whole), steps=1), tmp_path / "refused")
