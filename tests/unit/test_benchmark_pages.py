"""`benchmarks/README.md` names every benchmark and its page, and the times that it says are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.gpu import PARTS

FOLDER = Path(__file__).parents[2] / "benchmarks"
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_published_page_has_its_row_and_every_row_its_command() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| .+ \| (?:\[\S+\]\()?`?(results/\w+\.md)", README, re.MULTILINE))
    assert all((FOLDER / f"{name}.py").exists() for name in rows)
    pages = {f"results/{page.name}" for page in (FOLDER / "results").glob("*.md")}
    assert pages - {"results/chaos_workers.md"} <= set(rows.values())  # a second page of `chaos`


def test_the_seconds_of_each_part_are_those_of_the_command() -> None:
    stated = re.findall(r"^\| `(\w+)` \| (\d+) \|", README, re.MULTILINE)
    assert {name: int(seconds) for name, seconds in stated} == PARTS
