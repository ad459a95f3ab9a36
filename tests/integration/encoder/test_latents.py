"""CSR's dimensions have no tokens: they are named by words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.models import save


def test_latents_of_csr_are_named_by_words_that_activate_them(tmp_path: Path) -> None:
    """In a process of its own, whose cache folder is empty."""
    folder = save("csr", tmp_path)
    code = (
        "import sys; from postings import Encoder; e = Encoder.load(sys.argv[1], 'cpu');"
        "(v,) = e.encode_documents(['lion']); top = v.indices[v.values.argmax()];"
        "print(e.tokens([top, 127 if top != 127 else 126])); print(e.evidence(['lion'], [v.indices])[0][0])"
    )
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": ""}
    command = [sys.executable, "-c", code, str(folder)]
    first = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert first.startswith("['latent ")
    assert "(" in first
    assert first.splitlines()[1] == "[]"
    (cached,) = (tmp_path / "cache" / "postings").iterdir()
    assert json.loads(cached.read_text())
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == first
