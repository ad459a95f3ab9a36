"""The README's commands and code run as they stand, in order, in an empty folder; links of all pages lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.code_blocks import PAGES, ROOT, blocks_of

README = ROOT / "README.md"
BLOCKS = [(block.language, block.code) for block in blocks_of(README)]


def run(language: str, code: str, folder: Path) -> str:
    command = ["bash", "-eu", "-c", code] if language == "sh" else [sys.executable, "-W", "error", "-c", code]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return ran.stdout


def test_a_command_stands_before_line_15() -> None:
    assert "```sh" in README.read_text("utf-8").splitlines()[:15]


def test_the_first_commands_are_targets_of_the_makefile() -> None:
    assert BLOCKS[0] == ("sh", "make demo\nmake serve\n")
    subprocess.run(["make", "--dry-run", "demo", "serve"], cwd=ROOT, check=True, capture_output=True)


def test_commands_and_code_run_in_order(tmp_path: Path) -> None:
    printed = [run(language, code, tmp_path) for language, code in BLOCKS[1:] if language in {"sh", "python"}]
    assert len(printed) == 2
    commands, code = printed
    # Whoever tries them again, whatever was deleted meanwhile, sees the same.
    run("sh", "postings delete cheetah monkey horse --collection animals", tmp_path)
    again = run("sh", next(code for language, code in BLOCKS[1:] if language == "sh"), tmp_path)
    assert "3 documents (3 passages) indexed into 'animals'" in again
    assert "3 documents (3 passages) indexed into 'animals'" in commands
    assert re.search(r"1\.\s+\d+\.\d+  Cheetah", commands)
    assert "1 deleted" in commands
    assert code.startswith("2 documents in ")
    assert "prey" in code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """To a file, and to a heading of it; `make docs` checks the same of the site."""
    text = page.read_text(encoding="utf-8")
    dead = []
    for link in re.findall(r"\]\((?!\w+:)([^)\s]+)\)|srcset=\"([^\"]+)|src=\"([^\"]+)", text):
        path, _, anchor = next(filter(None, link)).partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in headings(target)):
            dead.append(path + "#" + anchor)
    assert dead == []


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub and the site make them; those of what is generated aren't there yet."""
    text = page.read_text(encoding="utf-8")
    given = re.findall(r"\{ *#([\w-]+)", text)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {*given, *(re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles)}
