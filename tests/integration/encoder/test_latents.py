"""CSR's dimensions have no tokens: they are named by words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from postings import Encoder
from tests.support.models import save


def test_latents_of_csr_are_named_by_words_that_activate_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = save("csr", tmp_path)

    def names() -> list[str]:
        encoder = Encoder.load(folder, "cpu")
        (vector,) = encoder.encode_documents(["lion"])
        assert encoder.evidence(["lion"], [vector.indices])[0][0] == []
        top = int(vector.indices[vector.values.argmax()])
        return encoder.tokens([top, 127 if top != 127 else 126])

    first = names()
    assert first[0].startswith("latent ")
    assert "(" in first[0]
    (cached,) = (tmp_path / "cache" / "postings").iterdir()
    assert json.loads(cached.read_text())
    written = cached.stat().st_mtime_ns
    assert names() == first
    assert cached.stat().st_mtime_ns == written
