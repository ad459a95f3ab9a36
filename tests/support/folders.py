"""Folders of indexes."""

from __future__ import annotations

import subprocess
from pathlib import Path


def copy_index(source: Path | str, target: Path | str) -> None:
    """Copy the folder of an index. Its files are 32 MiB each, mostly holes, which take no room in the copy either."""
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--recursive", "--sparse=always", str(source), str(target)], check=True)
