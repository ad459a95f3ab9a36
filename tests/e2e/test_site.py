"""The documentation site is built without a warning, and looks right in a browser that can't reach anything else."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from postings import errors
from postings.settings import Settings
from postings_cli.command_table import _COMMANDS
from tests.support.browser import Visits, chromium

ROOT = Path(__file__).parents[2]
PAGES = (
    "/",
    "/quickstart/",
    "/tutorials/notes/",
    "/guides/troubleshooting/",
    "/guides/hub-models/",
    "/explanations/write-protocol/",
    "/reference/settings/",
    "/reference/http/",
    "/reference/python/query/",
    "/benchmarks/",
    "/deploy/",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def visits(site: Path) -> Iterator[Visits]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with chromium() as browser:
        opened = Visits(browser, f"http://127.0.0.1:{server.server_port}")
        yield opened
        opened.close()
    server.shutdown()
    server.server_close()


def text(site: Path, page: str) -> str:
    return (site / page / "index.html").read_text(encoding="utf-8")


def test_the_references_are_those_of_the_code(site: Path) -> None:
    settings = text(site, "reference/settings").replace("<wbr>", "")
    assert [name for name in Settings.model_fields if f"POSTINGS_{name.upper()}<" not in settings] == []
    commands = text(site, "reference/cli")
    assert [name for name in _COMMANDS if f">postings {name}<" not in commands] == []
    tree = text(site, "reference/errors")
    kinds = [name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, Exception)]
    assert [name for name in kinds if f'id="{name.lower()}"' not in tree] == []
    for page, name in (("query", "SearchClient"), ("ingest", "Producer"), ("adapters", "PostingsRetriever")):
        assert f".{name}" in text(site, f"reference/python/{page}")
    assert "<!-- generated" not in "".join(page.read_text(encoding="utf-8") for page in site.rglob("*.html"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_phone_and_a_screen(visits: Visits, page: str) -> None:
    for width, dark in ((390, True), (1440, False)):
        shown = visits(page, width=width, dark=dark)
        assert shown.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert shown.evaluate("[...document.images].filter(each => each.complete && !each.naturalWidth).length") == 0
    assert visits.complaints == []


def test_the_search_finds_a_setting(visits: Visits) -> None:
    shown = visits("/", width=1440)
    shown.get_by_role("textbox", name="Search").fill("POSTINGS_QUEUE_LIMIT")
    shown.locator(".md-search-result__item").first.wait_for()
    assert visits.complaints == []
