"""The web page as it is sent: small, closed to all others, with the licenses of what is in it."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.built_page import ROOT, SOURCES, build_page

MOST = 60_000
"""Bytes of JavaScript, before they are compressed."""


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build_page()


@pytest.fixture
def files(http: httpx.Client) -> dict[str, httpx.Response]:
    """What the page loads."""
    names = re.findall(r'(?:src|href)="(/[^"]+)"', http.get("/").text)
    return {name: http.get(name) for name in names if name != "/openapi.json"}


def test_its_javascript_is_small_and_nothing_else_is_loaded(files: dict[str, httpx.Response]) -> None:
    types = {name: answer.headers["content-type"].partition(";")[0] for name, answer in files.items()}
    assert sorted(types.values()) == ["text/javascript"]
    (script,) = files.values()
    assert 10_000 < len(script.content) < MOST
    assert int(script.headers["content-length"]) < len(script.content) / 2, "it is sent compressed"


def test_it_may_load_nothing_from_elsewhere_and_be_in_no_frame(
    http: httpx.Client, files: dict[str, httpx.Response]
) -> None:
    for answer in [http.get("/"), *files.values()]:
        rules = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["content-security-policy"].split(";"))
        assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
        assert rules["script-src"] == rules["connect-src"] == "'self'"
        assert re.fullmatch("'none'|'sha256-[^']+'", rules["style-src"])
        assert "unsafe" not in str(rules)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_where_no_key_is_needed_it_brings_what_whoami_says(http: httpx.Client) -> None:
    (told,) = re.findall('<meta name="caller" content="([^"]*)">', http.get("/").text)
    assert json.loads(html.unescape(told)) == http.get("/v1/whoami").json()


def test_its_files_are_kept_by_browsers_and_the_page_is_asked_for(
    http: httpx.Client, files: dict[str, httpx.Response]
) -> None:
    assert http.get("/").headers["cache-control"] == "no-cache"
    assert {"immutable" in answer.headers["cache-control"] for answer in files.values()} == {True}


def test_the_licenses_of_all_that_is_in_it_are_beside_it(http: httpx.Client) -> None:
    text = http.get("/page/licenses.txt").text
    names = json.loads((SOURCES / "package.json").read_text("utf-8"))["dependencies"]
    assert names
    for name in names:
        assert f"{name} " in text
        assert (SOURCES / "node_modules" / name / "LICENSE").read_text("utf-8") in text


def test_no_other_file_can_be_asked_for(http: httpx.Client) -> None:
    for name in ("web_page.py", "..%2froutes%2fweb_page.py", "../app.py", "%2e%2e/app.py", "main.js", ""):
        assert http.get(f"/page/{name}").status_code == 404


def test_where_it_isn_t_built_the_service_says_how(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "serve" / "postings_serve", tmp_path / "postings_serve", ignore=lambda _, names: {"page"} & {*names}
    )
    asks = (
        "from fastapi.testclient import TestClient; from postings_serve.app import api;"
        "answer = TestClient(api()).get('/'); print(answer.status_code, answer.headers['content-type'], answer.text)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", asks],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.startswith("200 text/html"), done.stderr
    assert "make page" in done.stdout
