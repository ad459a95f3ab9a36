"""The code of docs/guides/adapters.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline

PAGE = (Path(__file__).parents[2] / "docs/guides/adapters.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^## (\w+)\n\n```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_each_framework_has_a_short_example() -> None:
    assert [name for name, _ in BLOCKS] == ["LangChain", "LlamaIndex", "Haystack", "DSPy", "PyTerrier"]
    assert all(len(code.splitlines()) < 15 for _, code in BLOCKS)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # PyTerrier's use of pandas
@pytest.mark.parametrize(("name", "code"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_the_example_runs(
    name: str,
    code: str,
    encoder: Encoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_index(Settings().of_collection("animals")) as index:
        cheetah = Document("cheetah", "A cheetah is running behind its prey.", metadata={"legs": 4})
        monkey = Document("monkey", "A monkey is playing drums.", metadata={"legs": 2})
        Pipeline(encoder, index).run([cheetah, monkey])
    exec(compile(code, name, "exec"), {"__name__": "example"})
    printed = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"A monkey is playing drums\. \d+\.\d+", printed[0])
    assert len(printed) == (1 if name in ("DSPy", "PyTerrier") else 2)
