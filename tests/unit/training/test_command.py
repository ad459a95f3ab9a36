"""``postings train`` says in one line what is wrong, before anything is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from postings_cli.main import run

PAIRS = [{"query": "what hunts?", "positive": "a lion"}, {"query": "what sings?", "positive": "a nightingale"}]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nope"], "error: there is no recipe 'nope'"),
        (["tiny"], "error: data.sources is empty"),
        (["tiny", "--set", "training.epochs=0"], "training.epochs: Input should be greater than 0, got 0"),
        (["tiny", "--data", "missing.jsonl"], "error: missing.jsonl isn't there"),
        (["tiny", "--data", "pairs.jsonl", "--resume"], "error: there is no run to resume"),
        (["tiny", "--data", "pairs.jsonl", "--base", "nope"], "error: there is no model 'nope'"),
        (["tiny", "--data", "pairs.jsonl", "--evaluate", "nope"], "error: nope/queries.jsonl can't be read"),
        (["tiny", "--data", "bad.jsonl"], "error: bad.jsonl:2: there is no 'positive'"),
    ],
)
def test_what_is_wrong_is_one_line(
    arguments: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps(row) + "\n" for row in PAIRS]
    Path("pairs.jsonl").write_text("".join(lines))
    Path("bad.jsonl").write_text(lines[0] + '{"query": "x"}\n')
    status = run(["train", *arguments, "--out", "model", "--set", "training.device=cpu"])
    shown = capsys.readouterr().err
    assert status == 1
    assert reason in shown.replace("\n", " ")
    assert "Traceback" not in shown
    assert not Path("model").exists()


@pytest.mark.parametrize("out", [".", "..", "/"])
def test_a_folder_that_is_there_is_never_written_to(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PAIRS))
    assert run(["train", "tiny", "--data", str(tmp_path / "pairs.jsonl"), "--out", out]) == 1
    assert f"error: {out} already exists: choose another folder with --out" in capsys.readouterr().err
    assert not [*tmp_path.rglob("*.run")]
