"""`python -m benchmarks.gpu` runs all of its code without a card, keeps what it found, and says what it can't do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from benchmarks import gpu
from benchmarks.gpu_results import GOALS, Results, judged, page, read

ROOT = Path(__file__).parents[2]


def benchmark(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *options], cwd=ROOT, capture_output=True, text=True, timeout=600
    )


def test_the_dry_run_runs_every_part_and_reaches_what_does_not_need_a_card(tmp_path: Path) -> None:
    done = benchmark("--dry-run", "--out", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    written = (tmp_path / "gpu.md").read_text()
    assert written.strip() == done.stdout.strip()
    assert written.count("| reached |") == sum(goal.everywhere for goal in GOALS.values())
    assert "missed" not in written
    for part in gpu.PARTS:
        records = read(tmp_path / f"gpu_{part}.jsonl")
        assert not [each["note"] for each in records if each.get("note", "").startswith(("Skipped", "Failed", "Ended"))]
        assert {each["goal"] for each in records if "goal" in each} == {
            name for name, goal in GOALS.items() if goal.part == part
        }
        assert f"## {part.capitalize()}" in written
    # Nothing that came with the repository says something else now.
    assert not list((ROOT / "benchmarks" / "results").glob("gpu_*"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_without_a_card_it_says_so_in_one_line_and_writes_nothing(tmp_path: Path) -> None:
    done = benchmark("--out", str(tmp_path / "none"))
    assert done.returncode == 1
    assert "finds no card here: --dry-run" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "none").exists()


def test_a_part_that_takes_too_long_is_ended_and_what_it_wrote_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "gpu_right.jsonl"
    monkeypatch.setattr(gpu, "_DRY_SECONDS", 1)
    gpu.run("right", file, dry=True)
    assert any("Ended after 1 s" in record.get("note", "") for record in read(file))


def test_a_part_whose_modules_are_missing_is_skipped_with_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "celery", None)
    file = tmp_path / "gpu_worker.jsonl"
    gpu.run("worker", file, dry=True)
    assert read(file) == [{"note": "Skipped: this machine lacks celery."}]


def test_a_part_that_fails_shows_why(tmp_path: Path) -> None:
    file = tmp_path / "gpu_none.jsonl"
    gpu.NEEDS["none"], gpu.PARTS["none"] = (), 9
    try:
        gpu.run("none", file, dry=True)
    finally:
        del gpu.NEEDS["none"], gpu.PARTS["none"]
    assert any("No module named benchmarks.gpu_none" in record["note"] for record in read(file))


def test_a_half_written_line_loses_only_itself(tmp_path: Path) -> None:
    file = tmp_path / "gpu_fast.jsonl"
    Results(file).row("Encoding", model="tiny", documents_a_second=1234.5)
    Results(file).goal("faster", "3.1x", reached=True)
    with file.open("a") as lines:
        lines.write('{"table": "Enc')
    records = read(file)
    assert len(records) == 2
    text = page({"fast": records}, dry=False)
    assert "| model | documents a second |\n|---|---|\n| tiny | 1,234 |" in text
    assert "| 3.1x | >= 2x | reached |" in text


@pytest.mark.parametrize("dry", [False, True])
def test_a_goal_that_was_missed_or_not_measured_fails_the_run_but_speeds_only_with_a_card(
    tmp_path: Path, *, dry: bool
) -> None:
    results = Results(tmp_path / "some.jsonl")
    results.goal("float32", "2.0e-01", reached=False)
    results.goal("faster", "1.1x", reached=False)
    records = read(tmp_path / "some.jsonl")
    verdicts = judged({"right": records, "fast": records}, dry=dry)
    assert verdicts["float32"] == ("2.0e-01", False)
    assert verdicts["behavior"] == ("not measured", False)
    assert verdicts["faster"] == ("1.1x", dry)
    assert verdicts["products"] == ("not measured", dry)
    assert "worker" not in verdicts


def test_the_parts_take_less_than_eight_minutes_and_the_requirements_are_pinned() -> None:
    assert sum(gpu.PARTS.values()) < 8 * 60
    lines = (ROOT / "benchmarks" / "gpu-requirements.txt").read_text().splitlines()
    names = {line for line in lines if line and not line.startswith("#")}
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert names <= pinned
