"""The web page, built as users build it."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "serve" / "page"
PACKAGES = SOURCES / "node_modules"


@functools.cache
def build_page() -> None:
    """Build the page, unless it is newer than what it is made of; other processes wait meanwhile."""
    if shutil.which("npm") is None:
        pytest.skip("npm, which builds the web page, isn't installed")
    with (SOURCES / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = _make(str((PACKAGES / ".package-lock.json").relative_to(ROOT)))
        if installed.returncode:
            pytest.skip(f"npm can't install what builds the web page: {installed.stderr.strip()[-500:]}")
        built = _make("page")
    if built.returncode:
        pytest.fail(f"the web page can't be built:\n{built.stdout}\n{built.stderr}")


def _make(target: str) -> subprocess.CompletedProcess[str]:
    # The tests run in an environment that has all that the page needs: it is not to be changed under them.
    command = ["make", "--old-file=.venv/serve", f"BIN={Path(sys.executable).parent}", target]
    # `make test` tells those that it starts how many jobs they may run.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
