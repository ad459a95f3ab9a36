"""``postings mine`` on real pairs, and what it leaves behind when it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from postings_cli.main import run
from postings_training.data.resemblance import resemblance, shingles
from postings_training.data.rows import read_rows
from tests.support.beir import ENCYCLOPEDIA
from tests.support.jsonl import write_jsonl


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_questions_get_articles_that_do_not_answer_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = ENCYCLOPEDIA / "pairs.jsonl", tmp_path / "hard.jsonl"
    pairs = [row for _, row in read_rows(source)]
    assert run(["mine", str(source), "--out", str(out), "--model", "tiny", "--negatives", "3", "--json"]) == 0
    counts, mined = json.loads(capsys.readouterr().out), rows(out)
    assert counts["pairs"] == len(pairs)
    assert counts["full"] + counts["fewer"] == len(mined) > 100
    assert counts["without"] == len(pairs) - len(mined)
    answers: dict[str, set[str]] = {}
    for pair in pairs:
        answers.setdefault(pair.query, set()).add(pair.positive)
    for row in mined:
        assert not answers[row["query"]] & set(row["negatives"])
        assert max(row["scores"][1:]) <= 0.95 * row["scores"][0] + 1e-4
        assert all(resemblance(shingles(row["positive"]), shingles(text)) < 0.8 for text in row["negatives"])
    again = tmp_path / "again.jsonl"
    assert run(["mine", str(source), "--out", str(again), "--model", "tiny", "--negatives", "3"]) == 0
    assert again.read_bytes() == out.read_bytes()


def test_what_was_mined_can_be_trained_on_and_mined_again(tmp_path: Path) -> None:
    source = write_jsonl(
        tmp_path / "pairs.jsonl",
        [
            {"query": "how fast a cat can be", "positive": "A cheetah is a fast cat."},
            {"query": "where a house cat sleeps", "positive": "A house cat sleeps on a sofa."},
        ],
    )
    out = tmp_path / "hard.jsonl"
    assert run(["mine", str(source), "--out", str(out), "--relative-margin", "0"]) == 0
    assert [row.query for _, row in read_rows(out)] == ["how fast a cat can be", "where a house cat sleeps"]


@pytest.mark.parametrize("content", [None, "", '{"query": "cat"}\n'])
def test_a_failed_run_leaves_what_was_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    source, out = tmp_path / "pairs.jsonl", tmp_path / "hard.jsonl"
    if content is not None:
        source.write_text(content)
    out.write_text("as it was")
    assert run(["mine", str(source), "--out", str(out)]) == 1
    assert "pairs.jsonl" in capsys.readouterr().err
    assert out.read_text() == "as it was"
    assert {path.name for path in tmp_path.iterdir()} <= {"pairs.jsonl", "hard.jsonl"}


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_jsonl(tmp_path / "pairs.jsonl", [{"query": "cat", "positive": "lion"}])
    assert run(["mine", str(source), "--out", str(tmp_path / "nowhere" / "hard.jsonl")]) == 1
    assert "nowhere/hard.jsonl can't be written: No such file" in capsys.readouterr().err
