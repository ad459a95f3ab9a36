"""What needs a framework that isn't installed says what to install."""

from __future__ import annotations

import importlib
import sys

import pytest

from postings.errors import MissingExtra
from postings_cli.main import run


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [
        ("langchain", "langchain_core", "langchain"),
        ("langchain", "langchain_qdrant", "langchain"),
        ("llama_index", "llama_index", "llama-index"),
        ("haystack", "haystack", "haystack"),
        ("dspy", "dspy", "dspy"),
        ("mteb", "mteb", "mteb"),
        ("pyterrier", "pyterrier", "pyterrier"),
    ],
)
def test_a_missing_framework_is_named_by_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, library: str, extra: str
) -> None:
    for name in [name for name in sys.modules if name.startswith((f"{library}.", f"postings_adapters.{module}"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'postings\[{extra}\]'"):
        importlib.import_module(f"postings_adapters.{module}")


def test_tools_without_their_sdk_are_named_by_their_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith(("mcp.", "postings_serve.mcp."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp", None)
    assert run(["mcp"]) == 1
    assert "pip install 'postings[mcp]'" in capsys.readouterr().err
