"""``postings train`` says in one line what is wrong, before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from postings_cli.main import run
from tests.support.jsonl import write_jsonl

PAIRS = [{"query": "what hunts?", "positive": "a lion"}, {"query": "what sings?", "positive": "a nightingale"}]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nope"], "error: there is no recipe 'nope'"),
        (["tiny"], "error: data.sources is empty"),
        (["tiny", "--set", "training.epochs=0"], "training.epochs: Input should be greater than 0, got 0"),
        (["tiny", "--data", "missing.jsonl"], "error: missing.jsonl doesn't exist"),
        (["tiny", "--data", "pairs.jsonl", "--resume"], "error: there is no run to resume"),
        (["tiny", "--data", "pairs.jsonl", "--base", "nope"], "error: there is no model 'nope'"),
        (["tiny", "--data", "pairs.jsonl", "--evaluate", "nope"], "error: nope isn't a BEIR folder"),
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
    write_jsonl(Path("pairs.jsonl"), PAIRS)
    write_jsonl(Path("bad.jsonl"), [PAIRS[0], {"query": "x"}])
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
    data = write_jsonl(tmp_path / "pairs.jsonl", PAIRS)
    assert run(["train", "tiny", "--data", str(data), "--out", out]) == 1
    assert f"error: {out} already exists: choose another folder with --out" in capsys.readouterr().err
    assert not [*tmp_path.rglob("*.run")]


def test_the_folder_that_is_written_by_default_is_no_bundled_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny-trained").mkdir()
    data = write_jsonl(tmp_path / "pairs.jsonl", PAIRS)
    assert run(["train", "tiny", "--data", str(data)]) == 1
    assert "error: tiny-trained already exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        ("link", "error: link already exists"),
        ("n" * 250, f".{'n' * 250}.partial can't be written: File name too long"),
        ("n" * 300, f"{'n' * 300}.run can't be written: File name too long"),
        ("pairs.jsonl/model", "pairs.jsonl/model.run can't be written: Not a directory"),
    ],
)
def test_a_folder_that_can_not_be_written_is_seen_before_training(
    out: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("nowhere")
    data = write_jsonl(Path("pairs.jsonl"), PAIRS)
    # If it were not seen, this base would be missed.
    assert run(["train", "tiny", "--data", str(data), "--out", out, "--base", "nope", "--set", "training.steps=1"]) == 1
    assert reason in capsys.readouterr().err.replace("\n", "")
    assert not [*tmp_path.glob(".*")]
