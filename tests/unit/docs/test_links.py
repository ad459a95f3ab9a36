"""Links of the repository's pages, as links of the site."""

from __future__ import annotations

from pathlib import Path

import pytest

from generating.links import for_site

PAGES = {"guides/a.md", "guides/b.md", "benchmarks/results/words.md", "index.md", "deploy/README.md"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("docs/guides/a.md", "docs/guides/b.md", "benchmarks/results/words.md", "README.md", "core/code.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# A heading\n")
    return tmp_path


@pytest.mark.parametrize(
    ("written", "on_the_site"),
    [
        ("[b](b.md)", "[b](b.md)"),
        ("[b](b.md#part)", "[b](b.md#part)"),
        ("[words](../../benchmarks/results/words.md)", "[words](../benchmarks/results/words.md)"),
        ("[home](../../README.md)", "[home](../index.md)"),
        ("[the code](../../core/code.py)", "`core/code.py`"),
        ("[`code.py`](../../core/code.py)", "`code.py`"),
        ("[out](https://example.org/a.md)", "[out](https://example.org/a.md)"),
        ("[here](#part)", "[here](#part)"),
        ("```text\n[no](link.md)\n```", "```text\n[no](link.md)\n```"),
    ],
)
def test_a_link_leads_to_the_same_page_of_the_site(root: Path, written: str, on_the_site: str) -> None:
    assert for_site(written, root / "docs/guides/a.md", root, PAGES) == (on_the_site, [])


def test_a_page_outside_of_docs_links_back_into_it(root: Path) -> None:
    text = for_site("[a](../docs/guides/a.md)", root / "deploy/README.md", root, PAGES)
    assert text == ("[a](../guides/a.md)", [])


def test_a_dead_link_is_named(root: Path) -> None:
    assert for_site("[gone](gone.md#x)", root / "docs/guides/a.md", root, PAGES)[1] == ["gone.md#x"]
